// Connection tracking: the state of each connection, its figures and its end, as the kernel itself has them (`ss`), for
// connections that are watched from their beginning and for those that were there before the helper.
import { beforeEach, describe, expect, it } from 'vitest';
import type { FlowState } from '../../../src/shared/protocol';
import { together } from '../support/places';
import { begin, far, near, pair, useSocketEnds, watchNear } from '../support/socket-ends';
import { type Connection, connected } from '../support/socket-steps';
import { socketAt } from '../support/ss';
import type { FlowLine, Watching } from '../support/watching';

useSocketEnds('trk', () => undefined);
beforeEach(() => {
  begin(together);
});

/** Has the far host lose every TCP packet that it is sent. */
function deafenFar(): void {
  pair.filter(pair.far, 'meta l4proto tcp drop');
}

function watch(): Promise<Watching> {
  return watchNear(together);
}

const ofPort = (port: number) => (flow: FlowLine) => flow.local.port === port;

interface Situation {
  state: FlowState;
  /** What leads from an established connection to the state. */
  happens: (ends: Connection) => unknown;
  /** The near end has no socket any more, so there is nothing that a helper that starts later could find. */
  isGone?: boolean;
}

const situations: Situation[] = [
  { state: 'established', happens: () => undefined },
  {
    state: 'fin-wait-1',
    happens: async (ends) => {
      deafenFar();
      await near.do('shutdown', ends.near);
    },
  },
  { state: 'fin-wait-2', happens: (ends) => near.do('shutdown', ends.near) },
  {
    state: 'close-wait',
    happens: async (ends) => {
      await far.do('shutdown', ends.far);
      await near.do('wait', ends.near);
    },
  },
  {
    state: 'closing',
    happens: async (ends) => {
      deafenFar();
      await near.do('shutdown', ends.near);
      await far.do('shutdown', ends.far);
      await near.do('wait', ends.near);
    },
  },
  {
    state: 'last-ack',
    happens: async (ends) => {
      await far.do('shutdown', ends.far);
      await near.do('wait', ends.near);
      deafenFar();
      await near.do('shutdown', ends.near);
    },
  },
  {
    state: 'time-wait',
    isGone: true,
    happens: async (ends) => {
      await near.do('shutdown', ends.near);
      await far.do('wait', ends.far);
      await far.do('close', ends.far);
      await near.do('wait', ends.near);
    },
  },
];

describe('tracking: states', () => {
  it.for(situations)('$state, as ss has it', async ({ state, happens }) => {
    const helper = await watch();
    const ends = await connected(near, far, pair.far.ipv4);
    await near.do('send', ends.near, 1_000);
    await far.do('receive', ends.far, 1_000);
    await happens(ends);
    await expect.poll(() => socketAt(pair.near, ends)?.state).toBe(state);
    // An established one may have been told of before it sent.
    const flow = await helper.flow(
      (candidate) =>
        ofPort(ends.port)(candidate) && candidate.state === state && candidate.payload.txBytes >= 1_000,
    );
    expect(flow.payload).toEqual({ txBytes: 1_000, rxBytes: 0 });
  });

  const held = situations.filter(({ isGone }) => isGone !== true);
  it.for(held)('$state, from before the helper', async ({ state, happens }) => {
    const ends = await connected(near, far, pair.far.ipv4);
    const helper = await watch();
    await near.do('send', ends.near, 1_000);
    await far.do('receive', ends.far, 1_000);
    await happens(ends);
    await expect.poll(() => socketAt(pair.near, ends)?.state).toBe(state);
    const flow = await helper.flow(
      (candidate) =>
        ofPort(ends.port)(candidate) && candidate.state === state && candidate.payload.txBytes === 1_000,
    );
    expect(flow.payload.rxBytes).toBe(0);
  });

  it('syn-sent, as ss has it', async () => {
    deafenFar();
    const helper = await watch();
    const peerPort = 9;
    const { port } = await near.attempt('start', pair.far.ipv4, peerPort);
    expect(socketAt(pair.near, { port, peerPort })?.state).toBe('syn-sent');
    await helper.flow((flow) => flow.local.port === port && flow.state === 'syn-sent');
  });

  it('fin-wait-2 of a closed socket, then time-wait, until the kernel lets go', async () => {
    const helper = await watch();
    const ends = await connected(near, far, pair.far.ipv4);
    await near.do('close', ends.near);
    await far.do('wait', ends.far);
    await expect.poll(() => socketAt(pair.near, ends)?.state).toBe('fin-wait-2');
    const closed = await helper.flow((flow) => flow.local.port === ends.port && flow.closedAt !== undefined);
    expect(closed.state).toBe('fin-wait-2');
    await far.do('close', ends.far);
    await expect.poll(() => socketAt(pair.near, ends)?.state).toBe('time-wait');
    const waiting = await helper.flow((flow) => ofPort(ends.port)(flow) && flow.state === 'time-wait');
    expect(waiting.closedAt).toBe(closed.closedAt);
  });

  it('a kept entry is gone as soon as the kernel lets go: by a reset, after its time', async () => {
    // Of FIN_WAIT2 without a socket; that of TIME_WAIT is always a minute.
    await near.do('option', 'fin-wait', 2);
    const helper = await watch();
    const [reset, forgotten] = [
      await connected(near, far, pair.far.ipv4),
      await connected(near, far, pair.far.ipv4),
    ];
    for (const ends of [reset, forgotten]) {
      await near.do('close', ends.near);
      await helper.flow((flow) => ofPort(ends.port)(flow) && flow.state === 'fin-wait-2');
    }
    await far.do('abort', reset.far);
    for (const ends of [reset, forgotten]) {
      await helper.flow((flow) => ofPort(ends.port)(flow) && flow.state === 'closed');
      expect(socketAt(pair.near, ends)).toBeUndefined();
    }
  });

  it('an accepted connection, and the one that made it', async () => {
    const helper = await watch();
    const listener = await near.do('listen', pair.near.ipv4);
    const listeningInKernel = () => socketAt(pair.near, { port: listener.port, peerPort: '*' });
    expect(listeningInKernel()?.state).toBe('listening');
    await helper.event(({ kind, local }) => kind === 'listening' && local?.port === listener.port);
    const made = await far.do('connect', pair.near.ipv4, listener.port);
    const { socket } = await near.do('accept', listener.socket);
    await far.do('send', made.socket, 700);
    await near.do('receive', socket, 700);
    const flow = await helper.flow(
      ({ remote, payload }) => remote?.port === made.port && payload.rxBytes === 700,
    );
    expect(flow).toMatchObject({ state: 'established', payload: { txBytes: 0 } });
    expect(flow.connectMicros).toBeUndefined();
    const listening = helper.flows(({ state }) => state === 'listening');
    expect(listening.map(({ local, remote }) => [local.port, remote])).toEqual([[listener.port, undefined]]);
    expect(listeningInKernel()?.state).toBe('listening');
    await near.do('close', listener.socket);
    await helper.flow(({ id, closedAt }) => id === listening[0]?.id && closedAt !== undefined);
    expect(listeningInKernel()).toBeUndefined();
  });
});

describe('tracking: figures', () => {
  const kinds = ['from the beginning', 'from before the helper'] as const;
  it.for(kinds)('of a connection %s, as ss has them', async (kind) => {
    const isNew = kind === 'from the beginning';
    let helper = isNew ? await watch() : undefined;
    const ends = await connected(near, far, pair.far.ipv4);
    const before = socketAt(pair.near, ends);
    helper ??= await watch();
    // Every fourth packet, or bundle of them, is lost.
    pair.filter(pair.far, 'meta l4proto tcp numgen inc mod 4 0 drop');
    await Promise.all([near.do('send', ends.near, 300_000), far.do('receive', ends.far, 300_000)]);
    pair.filter(pair.far);
    await Promise.all([far.do('send', ends.far, 70_000), near.do('receive', ends.near, 70_000)]);
    await near.do('send', ends.near, 10);
    await far.do('receive', ends.far, 10);
    await expect.poll(() => socketAt(pair.near, ends)?.bytesAcked).toBe(300_011);
    const truth = socketAt(pair.near, ends);
    const flow = await helper.flow(
      (candidate) => ofPort(ends.port)(candidate) && candidate.payload.txBytes >= 300_010,
    );
    expect(truth).toBeDefined();
    if (truth === undefined || before === undefined) return;
    // Our SYN has a place in the kernel's count.
    expect(flow.payload).toEqual({ txBytes: truth.bytesAcked - 1, rxBytes: truth.bytesReceived });
    expect(flow.wire.txPackets).toBe(truth.segmentsOut - (isNew ? 0 : before.segmentsOut));
    expect(flow.wire.rxPackets).toBe(truth.segmentsIn - (isNew ? 0 : before.segmentsIn));
    expect(truth.retransmits).toBeGreaterThan(0);
    expect(flow.retransmits).toBe(truth.retransmits);
    await helper.until(() => {
      const newest = helper.flows(ofPort(ends.port))[0];
      return newest !== undefined && Math.abs(newest.rttMicros - truth.rttMicros) <= 1 ? newest : undefined;
    });
    if (isNew) expect(flow.connectMicros).toBeLessThanOrEqual(ends.made.returnedAt - ends.made.calledAt);
    else expect(flow.connectMicros).toBeUndefined();
  });

  const durations = [
    { what: 'nothing is lost', rules: [], retransmits: 0, leastMicros: 1 },
    // It is sent again when the initial retransmission timeout is over (RFC 6298).
    {
      what: 'the first SYN is lost',
      rules: ['tcp flags syn numgen inc mod 1000 0 drop'],
      retransmits: 1,
      leastMicros: 1_000_000,
    },
  ];
  it.for(durations)(
    'durations where $what, as the program has them',
    async ({ rules, retransmits, leastMicros }) => {
      pair.filter(pair.far, ...rules);
      const helper = await watch();
      const { made, near: socket, ...ends } = await connected(near, far, pair.far.ipv4);
      expect(socketAt(pair.near, ends)?.retransmits).toBe(retransmits);
      // A reset ends it at once, while it is being closed.
      const closing = await near.do('abort', socket);
      const closed = await helper.event(({ kind }) => kind === 'closed');
      const flow = await helper.flow(({ state }) => state === 'closed');
      expect(flow.retransmits).toBe(retransmits);
      expect(flow.connectMicros).toBeGreaterThanOrEqual(leastMicros);
      expect(flow.connectMicros).toBeLessThanOrEqual(made.returnedAt - made.calledAt);
      const established = helper.events.find(({ kind }) => kind === 'established');
      expect(Math.abs((flow.connectMicros ?? 0) - (established?.durationMicros ?? 0))).toBeLessThanOrEqual(1);
      // From connect() on to close(): the calls themselves belong to it in part.
      const least = closing.calledAt - made.returnedAt + leastMicros;
      const most = closing.returnedAt - made.calledAt;
      expect(closed.durationMicros).toBeGreaterThanOrEqual(least);
      expect(closed.durationMicros).toBeLessThanOrEqual(most);
      // Rounded to milliseconds at both ends.
      const lasted = Date.parse(flow.closedAt ?? '') - Date.parse(flow.openedAt);
      expect(lasted).toBeGreaterThanOrEqual(Math.floor(least / 1_000) - 1);
      expect(lasted).toBeLessThanOrEqual(Math.ceil(most / 1_000) + 1);
    },
  );
});
