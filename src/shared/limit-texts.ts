// Sentences on what a session does not show in full, because one of its limits was reached or something was lost.
import type { DroppedCounters } from './protocol';
import type { Texts } from './texts';

/** What the figures lack. Empty while they are complete. */
export function droppedTexts(dropped: DroppedCounters, { plural }: Texts): string[] {
  const { connections, flows, processes, events } = dropped;
  const limit = 'procnetmon.limits';
  return [
    connections > 0 &&
      plural(
        connections,
        '{0} connection beyond the limit ({1}) has no entry of its own; it counts in the process.',
        '{0} connections beyond the limit ({1}) have no entry of their own; they count in the process.',
        `${limit}.connections`,
      ),
    flows > 0 &&
      plural(
        flows,
        '{0} packet of a connection without an entry of its own; it counts in the process.',
        '{0} packets of connections without an entry of their own; they count in the process.',
      ),
    processes > 0 &&
      plural(
        processes,
        '{0} child process beyond the limit ({1}) could not be followed.',
        '{0} child processes beyond the limit ({1}) could not be followed.',
        `${limit}.processes`,
      ),
    events > 0 &&
      plural(
        events,
        '{0} event was lost or beyond the limit ({1}).',
        '{0} events were lost or beyond the limit ({1}).',
        `${limit}.eventsPerSecond`,
      ),
  ].filter((text) => text !== false);
}

/** What of the past is kept in less detail. Its bytes are in the totals all the same. */
export function forgottenTexts(
  session: { forgottenConnections: number; flowLog: { isShortened: boolean } },
  { t, plural }: Texts,
): string[] {
  const { forgottenConnections, flowLog } = session;
  return [
    forgottenConnections > 0 &&
      plural(
        forgottenConnections,
        '{0} connection that closed earlier is no longer listed ({1}).',
        '{0} connections that closed earlier are no longer listed ({1}).',
        'procnetmon.limits.closedConnections',
      ),
    flowLog.isShortened &&
      t('Ranges of time long ago are known in less detail ({0}).', 'procnetmon.limits.historyMegabytes'),
  ].filter((text) => text !== false);
}
