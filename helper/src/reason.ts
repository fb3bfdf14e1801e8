// Why a connection failed or ended early, as the kernel half numbers it (`pnm_reason` of bpf/procnetmon.h).
import type { FlowReason } from '../../src/shared/protocol';

const reasons: readonly (FlowReason | undefined)[] = [
  undefined,
  'refused',
  'reset',
  'timed-out',
  'network-unreachable',
  'host-unreachable',
  'protocol-unreachable',
  'port-unreachable',
  'prohibited',
  'hop-limit-exceeded',
  'unreachable',
  'aborted',
  'local-error',
];

/** Name of a reason; undefined where there is none. */
export function reasonName(reason: number): FlowReason | undefined {
  return reasons[reason];
}
