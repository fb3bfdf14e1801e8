// Why a connection failed or ended early, as the kernel half numbers it (`pnm_reason` of bpf/procnetmon.h).
import type { FlowReason } from '../../src/shared/protocol';

/** Every reason, from number 1 on. */
export const reasonNames = [
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
] as const satisfies readonly FlowReason[];

/** Name of a reason; undefined where there is none. */
export function reasonName(reason: number): FlowReason | undefined {
  return reasonNames[reason - 1];
}
