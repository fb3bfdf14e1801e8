// A machine that goes to sleep, or whose clock is set, while a helper counts. The emulated ones do that for real, and are
// woken up by the alarm of their clock.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { uptime } from 'node:os';
import { afterEach, expect, it } from 'vitest';
import type { MonitorSample } from '../../src/shared/protocol';
import { RpcClient } from './support/rpc-client';

const alarm = '/sys/class/rtc/rtc0/wakealarm';
const sleepSeconds = 5;
const windowMicros = 1_000_000;
const bytes = 100_000;
/** Below it a step of the wall clock is none. */
const jitterMillis = 20;

const clients: RpcClient[] = [];
const servers: net.Server[] = [];
const sockets: net.Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  await Promise.all(clients.splice(0).map((client) => client.leave()));
});

async function connection(): Promise<net.Socket> {
  const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Puts the machine to sleep, and looks whether it slept, by its own account. */
function suspend(): void {
  const slept = (): number => uptime() - Number(process.hrtime.bigint()) / 1e9;
  const before = slept();
  writeFileSync(alarm, '0');
  writeFileSync(alarm, `+${String(sleepSeconds)}`);
  // To memory: from idle (freeze) the emulator's clock does not wake it up.
  writeFileSync('/sys/power/state', 'mem');
  expect(slept() - before).toBeGreaterThan(sleepSeconds / 2);
}

/** Sets the wall clock, by seconds. */
const step = (seconds: number) => (): void => {
  const wanted = Math.round(Date.now() / 1_000) + seconds;
  execFileSync('date', ['-s', `@${String(wanted)}`]);
  expect(Math.abs(Date.now() / 1_000 - wanted)).toBeLessThan(60);
};

/** What is between bounds that the samples themselves give, however long the machine was asleep between them. */
function checkRate(samples: readonly MonitorSample[], index: number): void {
  const edge = (samples[index]?.monotonicMicros ?? 0) - windowMicros;
  const later = samples.findIndex(({ monotonicMicros }) => monotonicMicros > edge);
  if (later < 1) return; // the window is not full
  const sent = (position: number): number => samples[position]?.total.payload.txBytes ?? 0;
  const rate = samples[index]?.total.rates.payload.tx;
  expect(rate).toBeGreaterThanOrEqual(sent(index) - sent(later) - 1);
  expect(rate).toBeLessThanOrEqual(sent(index) - sent(later - 1) + 1);
}

it.for<[string, () => void]>([
  ['a machine is suspended', suspend],
  ["a machine's clock is set ahead", step(86_400)],
  ["a machine's clock is set back", step(-2 * 86_400)],
])('%s, and counting goes on', async ([, disturb], { skip }) => {
  if (process.env['PROCNETMON_EMULATED'] === undefined)
    return skip('only emulated machines are treated so: npm run test:kernels');
  const socket = await connection();
  const client = new RpcClient();
  clients.push(client);
  await client.initialize();
  const settings = { intervalMillis: 100, windowMillis: windowMicros / 1_000 };
  expect(await client.request('monitor/start', { pid: process.pid, ...settings })).toHaveProperty('result');

  const samples: MonitorSample[] = [];
  const sampled = async (): Promise<MonitorSample> => {
    const sample = (await client.notification('monitor/sample')).params as MonitorSample;
    samples.push(sample);
    return sample;
  };
  /** Sends, and watches until the window is full of what came afterwards. */
  const send = async (total: number): Promise<void> => {
    socket.write(Buffer.alloc(bytes));
    let sample = await sampled();
    while (sample.total.payload.txBytes < total) sample = await sampled();
    expect(sample.total.payload).toMatchObject({ txBytes: total });
    const seen = sample.monotonicMicros;
    while (sample.monotonicMicros < seen + windowMicros) sample = await sampled();
  };

  await sampled();
  await send(bytes);
  socket.write(Buffer.alloc(bytes));
  disturb();
  const disturbed = Date.now();
  await send(3 * bytes);

  samples.forEach(({ sequence, total }, index) => {
    const before = samples[index - 1];
    expect(sequence).toBe(index);
    expect(total.wire.txBytes).toBeGreaterThanOrEqual(before?.total.wire.txBytes ?? 0);
    expect(total.payload.txBytes).toBeGreaterThanOrEqual(before?.total.payload.txBytes ?? 0);
    checkRate(samples, index);
  });
  const last = Date.parse(samples.at(-1)?.time ?? '');
  expect(last).toBeGreaterThanOrEqual(disturbed);
  expect(last).toBeLessThanOrEqual(Date.now() + jitterMillis);
});
