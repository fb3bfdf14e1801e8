// What the chart marks of what the helper tells.
import type { SessionMark } from '../../shared/panel-messages';
import { formatEndpoint } from '../../shared/format';
import type { MonitorEvent } from '../../shared/protocol';
import { sanitise } from '../../shared/sanitise';

/** The mark for an event; `undefined` where it is none. */
export function markOf(event: MonitorEvent): SessionMark | undefined {
  const timeMillis = Date.parse(event.time);
  if (Number.isNaN(timeMillis)) return undefined;
  switch (event.kind) {
    case 'exit':
      return {
        timeMillis,
        kind: 'exited',
        detail: [String(event.pid), event.exitStatus === undefined ? '' : String(event.exitStatus)],
      };
    case 'failed':
      return {
        timeMillis,
        kind: 'failed',
        detail: [sanitise(formatEndpoint(event.remote)), event.reason ?? ''],
      };
    default:
      return undefined;
  }
}
