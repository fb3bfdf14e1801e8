// From pieces of payload to what is told of flows: protocol, host, facts; and what the kernel is told in return.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InspectFlag, type PayloadSample } from '../../../helper/src/kernel';
import { Inspection } from '../../../helper/src/inspection/inspection';
import { ProcessAccount } from '../../../helper/src/ledger';
import { MonitorEngine } from '../../../helper/src/monitoring';
import { FlowNames, flowNameSources } from '../../../helper/src/names/flow-names';
import type { MonitorSample } from '../../../src/shared/protocol';
import { type FakeFlow, FakeKernel } from './fake-kernel';

const caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const done = InspectFlag.SentDone | InspectFlag.ReceivedDone;

let kernel: FakeKernel;
let engine: MonitorEngine;
let monitor: string;
let errors: string[];

function now(): number {
  return Number(process.hrtime.bigint());
}

function openFlow(part: Partial<FakeFlow> = {}): FakeFlow {
  return kernel.open({ processId: process.pid, openedNanos: now(), remoteAddress: '192.0.2.7', ...part });
}

function piece(flow: FakeFlow, sent: boolean, text: string | Uint8Array, offset = 0): PayloadSample {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const { slot, socketCookie, processId, protocol, localAddress, localPort, remoteAddress, remotePort } =
    flow;
  return {
    ...{ slot, socketCookie, processId, protocol, localAddress, localPort, remoteAddress, remotePort },
    ...{
      nanos: now(),
      outgoing: protocol === 6,
      sent,
      offset,
      payloadBytes: bytes.length,
      segmentBytes: 0,
      bytes,
    },
  };
}

function sample(): MonitorSample {
  return engine.sampleNow(monitor);
}

const request = (path: string, host = 'shop.example'): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer planted\r\n\r\n`;
const answer = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';

function start(inspect?: boolean): void {
  const params = { pid: process.pid, children: false, intervalMillis: 60_000 };
  ({ monitor } = engine.start(inspect === undefined ? params : { ...params, inspect }));
}

beforeEach(() => {
  kernel = new FakeKernel();
  errors = [];
  engine = new MonitorEngine({
    ...{ kernel, caller, onSample: () => undefined, onEvent: () => undefined },
    onError: (error) => errors.push(error.message),
  });
});

afterEach(() => engine.close());

describe('a flow', () => {
  it('gets protocol, host and facts from payload, and the kernel is told to go on with heads', () => {
    start();
    const flow = openFlow();
    kernel.emitSamples(piece(flow, true, request('/users?token=planted')), piece(flow, false, answer));
    const told = sample();
    expect(told.flows).toMatchObject([
      {
        application: 'http/1.1',
        applicationLabel: 'HTTP/1.1',
        certainty: 'certain',
        host: { name: 'shop.example', source: 'http-host' },
      },
    ]);
    expect(told.facts).toMatchObject([
      { kind: 'http-exchange', flow: told.flows[0]?.id, method: 'GET', path: '/users', status: 404 },
    ]);
    expect(told.facts[0]).toHaveProperty('latencyMicros');
    expect(JSON.stringify(told)).not.toContain('planted');
    expect(kernel.inspections.get(flow.slot)?.wanted).toBe(InspectFlag.Messages | InspectFlag.HttpHeads);
    expect(sample().facts).toEqual([]);
  });

  it('is named by the DNS answer that led to it, and by nobody else', () => {
    start();
    const resolver = openFlow({ protocol: 17, state: 0x40, remoteAddress: '192.0.2.53', remotePort: 53 });
    const question =
      '\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x04shop\x04test\x00\x00\x01\x00\x01';
    const answers =
      '\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x03www\x04shop\x04test\x00\x00\x01\x00\x01' +
      '\xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x06\x03far\xc0\x10' +
      '\xc0\x2b\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x07';
    kernel.emitSamples(piece(resolver, true, question), piece(resolver, false, answers));
    openFlow({ remoteAddress: '192.0.2.7' });
    openFlow({ remoteAddress: '192.0.2.8' });
    const told = sample();
    const hosts = told.flows.map(({ remote, host }) => [remote?.address, host?.name, host?.source]);
    expect(hosts).toEqual([
      ['192.0.2.53', undefined, undefined],
      ['192.0.2.7', 'www.shop.test', 'dns'],
      ['192.0.2.8', undefined, undefined],
    ]);
    expect(told.facts).toMatchObject([
      { kind: 'dns-exchange', question: 'www.shop.test', answers: ['far.shop.test', '192.0.2.7'] },
    ]);
    expect(kernel.inspections.get(resolver.slot)?.wanted).toBe(InspectFlag.Messages);
  });

  it('that was asked itself is not named by what it was asked for', () => {
    start();
    const flow = openFlow();
    kernel.emitSamples({ ...piece(flow, false, request('/')), outgoing: false });
    const [told] = sample().flows;
    expect(told).toMatchObject({ application: 'http/1.1' });
    expect(told?.host).toBeUndefined();
  });

  it('may turn up after what was said on it', () => {
    start();
    const early = { ...openFlow(), slot: 7, socketCookie: 77 };
    kernel.slots.clear();
    kernel.emitSamples(piece(early, true, request('/early')));
    expect(sample().facts).toEqual([]);
    kernel.open(early);
    const told = sample();
    expect(told.facts).toMatchObject([{ path: '/early', flow: told.flows[0]?.id }]);
    expect(told.flows[0]?.application).toBe('http/1.1');
  });

  it('needs no more bytes once they cannot tell more', () => {
    start();
    const flow = openFlow();
    kernel.emitSamples(
      piece(flow, true, 'SSH-2.0-OpenSSH_9.2\r\n'),
      piece(flow, false, 'SSH-2.0-OpenSSH_9.6\r\n'),
    );
    expect(sample().flows[0]).toMatchObject({ application: 'ssh' });
    expect(kernel.inspections.get(flow.slot)?.wanted).toBe(done);
  });

  it('takes what waits without having been handed out', () => {
    start();
    const flow = openFlow();
    kernel.samples.push(piece(flow, true, request('/waiting')));
    expect(sample().facts).toMatchObject([{ path: '/waiting' }]);
  });

  it('is known by what its process said last, told after its end', () => {
    start();
    const flow = openFlow();
    kernel.emit({ type: 'exit', nanos: now(), processId: process.pid, status: 0 });
    kernel.emitSamples(piece(flow, true, request('/last')));
    expect(sample().facts).toMatchObject([{ path: '/last' }]);
  });

  it('splits a bundle of datagrams', () => {
    start();
    const flow = openFlow({ protocol: 17, state: 0x40, remotePort: 53 });
    const question = '\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01';
    const other = question.replace('\x00\x01', '\x00\x02').replace('\x01a', '\x01b');
    kernel.emitSamples({ ...piece(flow, true, question + other), segmentBytes: question.length });
    expect(sample().facts.map((fact) => fact.kind === 'dns-exchange' && fact.question)).toEqual(['a', 'b']);
  });
});

describe('a parser that fails', () => {
  class Defective extends Uint8Array {
    override subarray(): never {
      throw new RangeError('planted');
    }
  }
  class Piece extends Uint8Array {
    override subarray(): Uint8Array<ArrayBuffer> {
      return new Defective(8);
    }
  }

  it('is told of once, without what it says, and is counted', () => {
    start();
    const flows = [openFlow({ remotePort: 1 }), openFlow({ remotePort: 2 })];
    for (const flow of flows) kernel.emitSamples(piece(flow, true, new Piece(8)));
    expect(errors).toEqual([expect.stringContaining('(RangeError)')]);
    expect(errors.join()).not.toContain('planted');
    expect(sample().dropped.inspections).toBe(2);
  });
});

describe('without inspection', () => {
  it('the kernel is not asked for payload, and what comes all the same is not looked at', () => {
    start(false);
    expect(kernel.inspected.size).toBe(0);
    const flow = openFlow();
    kernel.emitSamples(piece(flow, true, request('/')));
    const told = sample();
    expect(told.flows[0]).not.toHaveProperty('application');
    expect(told.facts).toEqual([]);
    expect(kernel.inspections.get(flow.slot)?.wanted).toBe(done);
  });

  it('as soon as it is turned off, and with it again', () => {
    start();
    expect(kernel.inspected).toEqual(new Set([process.pid]));
    const flow = openFlow();
    kernel.emitSamples(piece(flow, true, request('/')));
    expect(sample().flows[0]).toHaveProperty('application');
    engine.update({ monitor, inspect: false });
    expect(kernel.inspected.size).toBe(0);
    const [told] = sample().flows;
    expect(told).toBeDefined();
    expect(told).not.toHaveProperty('application');
    expect(told).not.toHaveProperty('host');
    engine.update({ monitor, inspect: true });
    expect(kernel.inspected).toEqual(new Set([process.pid]));
  });

  it('of one monitor, another one still has it', () => {
    start(false);
    const other = engine.start({ pid: process.pid, children: false, intervalMillis: 60_000 }).monitor;
    const flow = openFlow();
    kernel.emitSamples(piece(flow, true, request('/')));
    expect(sample().flows[0]).not.toHaveProperty('application');
    expect(engine.sampleNow(other).flows[0]).toHaveProperty('application', 'http/1.1');
    expect(sample().facts).toEqual([]);
  });
});

describe('bounds', () => {
  it('conversations beyond them are counted, and the kernel copies no more of them', () => {
    const account = new ProcessAccount(process.pid, 1, 'test', 0);
    const names = new FlowNames(flowNameSources(undefined));
    const inspection = new Inspection({ kernel, names, inspected: () => account, conversations: 10 });
    const flow = openFlow();
    for (let cookie = 1; cookie <= 10; cookie++) {
      inspection.take([{ ...piece(flow, true, 'x'), socketCookie: 1_000_000 + cookie }]);
    }
    expect(inspection.dropped).toBe(0);
    inspection.take([piece(flow, true, request('/'))]);
    expect(inspection.dropped).toBe(1);
    expect(kernel.inspections.get(flow.slot)?.wanted).toBe(done);
    // What finds no flow makes room again.
    inspection.tidy(now() + 60e9);
    inspection.take([piece(flow, true, request('/'))]);
    expect(inspection.dropped).toBe(1);
  });

  it('facts beyond what a sample may hold are counted', () => {
    start();
    const flow = openFlow();
    sample();
    let offset = 0;
    for (let index = 0; index < 600; index++) {
      const text = request(`/${String(index)}`);
      kernel.emitSamples(piece(flow, true, text, offset));
      offset += text.length;
    }
    const told = sample();
    expect(told.facts).toHaveLength(500);
    expect(told.dropped.facts).toBe(100);
  });
});
