// What the running kernel has.
import { release } from 'node:os';

/** Whether this kernel has tcx links: from 6.6 on. Before, programs are attached by filters of a clsact qdisc. */
export const hasTcx = (() => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 6);
})();

/** Why a test of tcx is skipped. */
export const withoutTcx = 'tcx links are there from Linux 6.6 on';
/** Why a test of what outlives a helper is skipped. */
export const withTcx = 'with tcx, from Linux 6.6 on, nothing outlives the helper';
