// Who is at the other end of a flow: the best of the names that are known, and where it comes from.
import { isIP } from 'node:net';
import type { HostName } from '../../../src/shared/protocol';
import type { Flow } from '../flow';
import { AnsweredNames } from './answered-names';
import { ContainerNames, containerSources } from './container-names';
import { HostsFiles } from './hosts-file';
import { LocalNames } from './local-names';

export interface FlowNameSources {
  answered: AnsweredNames;
  hostsFiles: Pick<HostsFiles, 'find'>;
  local: Pick<LocalNames, 'find'>;
  containers: Pick<ContainerNames, 'find'>;
}

export function flowNameSources(home: string | undefined): FlowNameSources {
  return {
    answered: new AnsweredNames(),
    hostsFiles: new HostsFiles(),
    local: new LocalNames(),
    containers: new ContainerNames(containerSources(home)),
  };
}

export class FlowNames {
  readonly answered: AnsweredNames;

  constructor(private readonly sources: FlowNameSources) {
    this.answered = sources.answered;
  }

  /**
   * Names a flow by what is known when it is first looked at. What the program said itself on the connection (SNI, HTTP
   * Host) is not asked here: it comes first anyway.
   * @param nanos nanoseconds since boot, now
   */
  find(flow: Flow, nanos: number): HostName | undefined {
    const address = flow.remote?.address;
    if (address === undefined || isIP(address) === 0) return undefined;
    const { answered, hostsFiles, local, containers } = this.sources;
    const asked = answered.find(flow.account, address, flow.openedNanos);
    if (asked !== undefined) return asked;
    const listed = hostsFiles.find(flow.account.pid, address, nanos);
    if (listed !== undefined) return { name: listed, source: 'hosts-file' };
    const own = local.find(address, nanos);
    if (own !== undefined) return { name: own, source: 'local' };
    const container = isPrivate(address) ? containers.find(address, nanos) : undefined;
    return container === undefined ? undefined : { name: container, source: 'container' };
  }
}

/** Addresses that containers have: of private networks, shared address space, and unique local IPv6. */
function isPrivate(address: string): boolean {
  return /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:)/.test(
    address,
  );
}
