// Programs that say all they have to say within a few milliseconds of their birth, on a machine that is busy: the kernel
// half must know by then that they are watched.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputLine } from '../../../helper/src/cli/json-lines';
import { helperPath, runToEnd } from '../support/helper';

const programs = 200;
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('programs that live for some milliseconds', () => {
  let folder: string;
  let server: Server;
  const busy: ChildProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'procnetmon-short-'));
    server = createServer((_request, response) => response.end('ok'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    for (let index = 0; index < availableParallelism(); index++) {
      busy.push(spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }));
    }
  });

  afterAll(async () => {
    await Promise.all(
      busy.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('show what they speak, each of them', async () => {
    const { port } = server.address() as AddressInfo;
    const output = path.join(folder, 'lines.jsonl');
    const talk = `exec 3<>/dev/tcp/127.0.0.1/${String(port)}; printf "GET / HTTP/1.1\\r\\nHost: shop.test\\r\\n\\r\\n" >&3; read -r line <&3`;
    const script = `for number in $(seq ${String(programs)}); do bash -c '${talk}'; done`;
    const command = ['run', '--format', 'json', '-o', output, '--', 'bash', '-c', script];
    expect(await runToEnd(helperPath, command)).toMatchObject({ status: 0, stderr: '' });

    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    const summary = outputLine.parse(JSON.parse(lines.at(-1) ?? ''));
    if (summary.type !== 'summary') throw new Error(`The last line is no summary but ${summary.type}.`);
    const flows = summary.processes.flatMap((process) => process.flows);
    expect(flows).toHaveLength(programs);
    expect(flows.filter(({ application }) => application !== 'http/1.1')).toEqual([]);
    expect(flows.filter(({ requests }) => requests.length !== 1)).toEqual([]);
  }, 60_000);
});
