// Traffic that has no flow to count on.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FlowColumn, type FlowIdentity, type ProcessOverflow, TimeWait } from '../../helper/src/kernel';
import { AddonProcess } from './support/addon-process';
import { cgroupFolder } from './support/cgroup';

/** The index of the loopback interface, in every network namespace. */
const loopback = 1;

let addon: AddonProcess;
let server: Server;

beforeEach(async () => {
  addon = new AddonProcess();
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await addon.call('open', { cgroup: cgroupFolder, attachment: 'auto' });
  await addon.call('attachInterface', loopback);
});

afterEach(async () => {
  await addon.end();
  server.close();
});

/** The flow to a port, as soon as the kernel keeps no socket for it any more. */
async function inTimeWait(port: number): Promise<number | undefined> {
  for (const row of await addon.call<number[][]>('flows')) {
    const slot = row[FlowColumn.Slot] ?? -1;
    const identity = await addon.call<FlowIdentity | null>('describeFlow', slot);
    if (identity?.remotePort === port && row[FlowColumn.TimeWait] !== TimeWait.None) return slot;
  }
  return undefined;
}

it('counts on the process what a connection in TIME_WAIT says when its flow is gone', async () => {
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  // The server has not closed yet: its FIN comes to the entry that the kernel keeps for the client.
  client.destroy();
  await once(accepted.resume(), 'end');
  await expect.poll(() => inTimeWait(port)).toBeDefined();
  const slot = await inTimeWait(port);
  await addon.call('retireFlow', slot);
  await addon.call('recycleFlow', slot);
  const before = await addon.call<ProcessOverflow[]>('readOverflow');
  expect(before.filter(({ processId }) => processId === process.pid)).toEqual([]);

  accepted.end();
  const found = async () =>
    (await addon.call<ProcessOverflow[]>('readOverflow')).filter(
      ({ processId }) => processId === process.pid,
    );
  // The FIN and its acknowledgement, each a header of 14 + 20 + 32 bytes.
  await expect.poll(found).toMatchObject([
    {
      interfaceIndex: loopback,
      foreign: false,
      wireTxBytes: 66,
      wireTxPackets: 1,
      wireRxBytes: 66,
      wireRxPackets: 1,
    },
  ]);
  expect(await addon.call('statistics')).toMatchObject({ droppedFlows: 0, droppedProcesses: 0 });
});
