// How a connection is named in a table: by both ends where there is room, by its peer where there is little.
import { formatEndpoint } from '../../../src/shared/format';
import { peerLabel } from '../../../src/shared/flow-label';
import type { FlowSample } from '../../../src/shared/protocol';
import { sanitise } from '../../../src/shared/sanitise';
import { displayWidth, truncate } from './columns';

/** The longest way of writing a connection that fits: the remote end goes last. */
export function connectionLabel(
  flow: Pick<FlowSample, 'protocol' | 'local' | 'remote' | 'host'>,
  width: number,
): string {
  const local = sanitise(formatEndpoint(flow.local));
  const remote = peerLabel(flow);
  if (remote === undefined) return truncate(`${flow.protocol} ${local}`, width);
  const forms = [
    `${flow.protocol} ${local} → ${remote}`,
    ...(flow.local.port === 0 ? [] : [`${flow.protocol} :${String(flow.local.port)} → ${remote}`]),
    `${flow.protocol} → ${remote}`,
    `→ ${remote}`,
  ];
  const fitting = forms.find((form) => displayWidth(form) <= width);
  if (fitting !== undefined) return fitting;
  if (flow.remote?.port === 0) return truncate(`→ ${remote}`, width);
  // The port says more than the end of a long address.
  const port = remote.slice(Math.max(remote.lastIndexOf(':'), 0));
  if (port === remote) return truncate(`→ ${remote}`, width);
  return `${truncate(`→ ${remote.slice(0, -port.length)}`, width - port.length)}${truncate(port, width)}`;
}
