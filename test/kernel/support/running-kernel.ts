// What the running kernel has.
import { existsSync } from 'node:fs';
import { release } from 'node:os';

function isAtLeast(wantedMajor: number, wantedMinor: number): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Whether this machine is there for the tests only, so that they may change what holds for all of it. */
export const isEmulated = process.env['PROCNETMON_EMULATED'] !== undefined;

/** Whether this kernel has tcx links. Before, programs are attached by filters of a clsact qdisc. */
export const hasTcx = isAtLeast(6, 6);

/** Whether a program can ask which network namespace it is in, by cookie. Before, the first one is assumed. */
export const tellsNetworkNamespace = isAtLeast(5, 14);

/** Whether a veth interface can bundle the segments that it receives (GRO). */
export const vethBundles = isAtLeast(5, 13);

/** Whether TCP over IPv6 can hand bundles of more than 64 kB to an interface (BIG TCP). */
export const hasBigTcp = isAtLeast(5, 19);

/** Whether a program at a socket can ask which process runs, and so who sends first. */
export const tellsSender = isAtLeast(6, 10);

/** Whether the kernel charges programs and maps to the limit of locked memory. */
export const chargesLockedMemory = !isAtLeast(5, 11);

/** Whether the kernel is built with MPTCP. */
export const hasMptcp = existsSync('/proc/sys/net/mptcp/enabled');

/** Whether the kernel has UDP-Lite: Linux 7.1 took it out. */
export const hasUdpLite = existsSync('/proc/net/udplite');

/** Whether the kernel is built with segment routing over IPv6. */
export const hasSegmentRouting = existsSync('/proc/sys/net/ipv6/conf/all/seg6_enabled');

/** Whether a path of MPTCP can be asked for the socket that the program has, and so for its owner. */
export const tellsMptcpSocket = isAtLeast(5, 19);

/** Whether the kernel opens each path of a full mesh once, and over the interface that it is told: 6.1 does not, 6.12 does. */
export const keepsToFullMesh = isAtLeast(6, 12);

/** Whether the kernel tells how many instructions of a program it had to follow. */
export const tellsVerifiedInstructions = isAtLeast(5, 16);

/** Why a test is skipped in which the helper has to know that it is in a network namespace of its own. */
export const withoutNetworkNamespace =
  'below Linux 5.14 a helper in a network namespace of its own takes all sockets there for foreign';
/** Why a test is skipped that would change settings of the machine's first network namespace. */
export const notOnThisMachine =
  'below Linux 5.14 it would change how this machine talks to everybody, and is for an emulated one';
/** Why a test is skipped in which the last packets of a connection without a socket are worked out. */
export const withoutLastPackets =
  'below Linux 5.14 the last packets of a connection that this end closed first are missing in other network namespaces';
/** Why a test of MPTCP is skipped. */
export const withoutMptcp = 'this kernel is built without MPTCP';
/** Why a test of the paths that a client's kernel opens is skipped. */
export const withoutMptcpSocket = 'kernels tell from Linux 5.19 on whose a path of MPTCP is';
/** Why a test of what the verifier has to follow is skipped. */
export const withoutVerifiedInstructions = 'kernels tell from Linux 5.16 on how much they verified';
/** Why a test of BIG TCP is skipped. */
export const withoutBigTcp = 'BIG TCP is there from Linux 5.19 on';
/** Why a test of UDP-Lite is skipped. */
export const withoutUdpLite = 'this kernel is without UDP-Lite, which Linux 7.1 took out';
/** Why a test of segment routing is skipped. */
export const withoutSegmentRouting = 'this kernel is built without segment routing over IPv6';
/** Why a test of tcx is skipped. */
export const withoutTcx = 'tcx links are there from Linux 6.6 on';
/** Why a test of what outlives a helper is skipped. */
export const withTcx = 'with tcx, from Linux 6.6 on, nothing outlives the helper';
