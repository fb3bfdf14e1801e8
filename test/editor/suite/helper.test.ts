// What is left when the helper is killed, and what happens then.
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import type { WatchedSession } from '../../../src/extension/sessions';
import type { Usage } from '../../../src/shared/protocol';
import { ScarceMemory } from '../../fixtures/scarce-memory';
import {
  eventually,
  extension,
  logged,
  sessionIn,
  sessionWith,
  startDebugging,
  stopDebugging,
} from './workbench';

const javaScript = 'JavaScript: shop';

/** Those that a helper may hold, as the kernel writes sets of them (capability.h). */
const capabilityBits = new Map([
  ['cap_net_admin', 1n << 12n],
  ['cap_sys_ptrace', 1n << 19n],
  ['cap_bpf', 1n << 39n],
]);

const kill = (signal: NodeJS.Signals) => (pid: number) => {
  process.kill(pid, signal);
  return Promise.resolve();
};

/** Has the kernel kill it for want of memory; where that cannot be had here, kills it. */
async function exhaustMemory(pid: number): Promise<void> {
  const memory = ScarceMemory.create();
  if (memory === undefined) return kill('SIGKILL')(pid);
  memory.add(pid);
  // What it goes on counting takes more than there is.
  await eventually(() => (memory.kills > 0 ? true : undefined));
  await eventually(() => (existsSync(`/proc/${String(pid)}`) ? undefined : true));
  memory.dispose();
}

/** Looks at every counter of a session whenever it changes, and collects those that ever went back. */
async function watchCounters(session: WatchedSession): Promise<{ wentBack: string[]; stop: () => void }> {
  const { store } = await extension().activate();
  const highest = new Map<string, number>();
  const wentBack: string[] = [];
  const note = (name: string, value: number): void => {
    const before = highest.get(name) ?? 0;
    if (value < before) wentBack.push(`${name} from ${String(before)} to ${String(value)}`);
    else highest.set(name, value);
  };
  const noteAll = (what: string, { wire, payload }: Pick<Usage, 'wire' | 'payload'>): void => {
    for (const name of ['txBytes', 'rxBytes'] as const) {
      note(`${what} wire ${name}`, wire[name]);
      note(`${what} payload ${name}`, payload[name]);
    }
    for (const name of ['txPackets', 'rxPackets'] as const) note(`${what} ${name}`, wire[name]);
  };
  const look = (): void => {
    noteAll('total', session.total);
    for (const [pid, process] of session.processes) noteAll(`process ${String(pid)}`, process);
    for (const [id, flow] of session.flows) noteAll(`connection ${String(id)}`, flow);
    note('points of the history', session.history.length);
  };
  look();
  const listener = store.onDidChange(look);
  return {
    wentBack,
    stop: () => {
      listener.dispose();
    },
  };
}

describe('a helper that is killed', () => {
  after(stopDebugging);

  it('is started again where nobody has to be asked, and goes on with what was counted', async () => {
    await startDebugging(javaScript);
    const session = await sessionIn(javaScript, 'watching');
    const api = await extension().activate();
    await sessionWith(session, ({ history }) => history.length > 0);
    const [oldest] = session.history;
    const counters = await watchCounters(session);
    for (const end of [kill('SIGKILL'), kill('SIGTERM'), exhaustMemory]) {
      await sessionWith(session, ({ total }) => total.rates.wire.tx > 0);
      const before = session.total.wire.txBytes;
      const ofProcesses = new Map([...session.processes].map(([pid, { wire }]) => [pid, wire.txBytes]));
      const connections = [...session.flows.keys()];
      const pid = api.helperPid;
      assert.ok(pid !== undefined);
      await end(pid);
      await eventually(() => (api.helperPid !== undefined && api.helperPid !== pid ? true : undefined));
      await sessionWith(session, ({ total }) => total.wire.txBytes > before && total.rates.wire.tx > 0);
      assert.equal(session.state, 'watching');
      for (const [each, bytes] of ofProcesses)
        assert.ok((session.processes.get(each)?.wire.txBytes ?? 0) >= bytes, `process ${String(each)}`);
      assert.deepEqual(
        connections.filter((id) => !session.flows.has(id)),
        [],
      );
      assert.equal(session.history[0], oldest);
    }
    counters.stop();
    assert.deepEqual(counters.wentBack, []);
  });

  it('is given up after several times: the figures stay on show with a reason', async () => {
    const session = await sessionIn(javaScript, 'watching');
    const api = await extension().activate();
    const pid = api.helperPid;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');

    const failed = await sessionIn(javaScript, 'failed');
    assert.equal(failed, session);
    assert.ok(failed.total.wire.txBytes > 0);
    assert.match(failed.failure?.message ?? '', /stopped unexpectedly/);
    assert.equal(api.helperState, 'failed');
    assert.equal(api.helperPid, undefined);
    assert.equal(api.statusBarText, undefined);

    await stopDebugging();
    await startDebugging(javaScript);
    assert.equal(api.helperState, 'failed');
  });

  it('is started again by the command, which watches what is being debugged', async () => {
    await vscode.commands.executeCommand('procnetmon.start');
    const session = await sessionIn(javaScript, 'watching');
    await sessionWith(session, ({ total }) => total.wire.txBytes > 0);
    const api = await extension().activate();
    assert.equal(api.helperState, 'running');
  });

  it('holds the rights that the log says, and no others', async () => {
    const { helperPid } = await extension().activate();
    assert.ok(helperPid !== undefined);
    const said = await logged(new RegExp(`runs as process ${String(helperPid)},.*`));
    const status = readFileSync(`/proc/${String(helperPid)}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s+(\\w+)`, 'm').exec(status)?.[1] ?? '';
    const names = said.match(/\bcap_\w+/g) ?? [];
    const bits = names.map((name) => capabilityBits.get(name) ?? 0n);
    assert.equal(
      bits.reduce((all, bit) => all | bit, 0n),
      BigInt(`0x${field('CapEff')}`),
      said,
    );
    assert.deepEqual([field('NoNewPrivs'), field('Seccomp')], ['1', '2']);
    assert.match(said, /gains no others, and makes filtered system calls only\.$/);
    const isRoot = field('Uid') === '0';
    assert.equal(said.includes(' It is root with '), isRoot, said);
  });

  it('leaves when it is told to', async () => {
    await vscode.commands.executeCommand('procnetmon.stop');
    const { helperPid, helperState } = await extension().activate();
    assert.equal(helperPid, undefined);
    assert.equal(helperState, 'idle');
    await eventually(({ store }) =>
      store.sessions.every(({ state }) => state === 'ended' || state === 'failed') ? true : undefined,
    );
  });

  it('is not started again by a child of the session that goes on', async () => {
    const parentSession = vscode.debug.activeDebugSession;
    assert.ok(parentSession);
    const child = {
      type: 'node',
      request: 'launch',
      name: 'a child',
      program: '${workspaceFolder}/javascript/metrics.mjs',
    };
    assert.ok(await vscode.debug.startDebugging(parentSession.workspaceFolder, child, { parentSession }));
    const { helperPid, helperState } = await extension().activate();
    assert.equal(helperPid, undefined);
    assert.equal(helperState, 'idle');
  });
});
