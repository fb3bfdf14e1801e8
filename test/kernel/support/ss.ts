// What `ss` says of TCP sockets in a host.
import type { FlowState } from '../../../src/shared/protocol';
import { type Host, HostPair, run } from './namespaces';

const states: Record<string, FlowState> = {
  ESTAB: 'established',
  'SYN-SENT': 'syn-sent',
  'SYN-RECV': 'syn-recv',
  'FIN-WAIT-1': 'fin-wait-1',
  'FIN-WAIT-2': 'fin-wait-2',
  'TIME-WAIT': 'time-wait',
  'CLOSE-WAIT': 'close-wait',
  'LAST-ACK': 'last-ack',
  LISTEN: 'listening',
  CLOSING: 'closing',
};

export interface SocketStatistics {
  state: FlowState;
  /** Smoothed, in microseconds. */
  rttMicros: number;
  bytesAcked: number;
  bytesReceived: number;
  segmentsOut: number;
  segmentsIn: number;
  retransmits: number;
}

function figure(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

/**
 * The TCP socket with a port at either end (`*` for that of one which listens), or undefined when the kernel has none. One port is not enough: a former
 * connection in TIME_WAIT may have the same.
 */
export function socketAt(
  host: Host,
  { port, peerPort }: { port: number; peerPort: number | '*' },
): SocketStatistics | undefined {
  const [program, ...args] = ['nsenter', ...HostPair.within(host, 'ss', '-tainHO')] as const;
  const line = run(program, ...args)
    .split('\n')
    .find((candidate) => {
      const [, , , local, peer] = candidate.split(/\s+/);
      return local?.endsWith(`:${String(port)}`) === true && peer?.endsWith(`:${String(peerPort)}`) === true;
    });
  if (line === undefined) return undefined;
  const state = states[/^\S+/.exec(line)?.[0] ?? ''];
  if (state === undefined) throw new Error(`Unknown state: ${line}`);
  return {
    state,
    rttMicros: figure(line, / rtt:([\d.]+)/) * 1_000,
    bytesAcked: figure(line, / bytes_acked:(\d+)/),
    bytesReceived: figure(line, / bytes_received:(\d+)/),
    segmentsOut: figure(line, / segs_out:(\d+)/),
    segmentsIn: figure(line, / segs_in:(\d+)/),
    retransmits: figure(line, / retrans:\d+\/(\d+)/),
  };
}
