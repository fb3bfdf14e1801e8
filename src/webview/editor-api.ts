// The editor's side of the webview: messages to the host, and what the view remembers while it is away.
import {
  parsePanelQuery,
  parsePanelSelection,
  type PanelSelection,
  type WebviewMessage,
} from '../shared/panel-messages';
import { parsePreferences, type PanelPreferences } from '../shared/panel-preferences';
import type { TimeRange } from '../shared/traffic-history';
import { rowGroupings, type RowGrouping } from './connection-groups';
import { columns, defaultSort, type Sort } from './columns';

declare function acquireVsCodeApi(): {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
};

const api = acquireVsCodeApi();

/** Choices of the user that outlive a hidden view, and are about what is being watched. */
export interface ViewChoices {
  selection: PanelSelection;
  windowMinutes: number;
  sort: Sort;
  filter: string;
  /** What the rows are put together by. */
  rows: RowGrouping;
  range?: TimeRange;
}

/** Stretches of time that the chart can show, in minutes. */
export const windowChoices = [1, 5, 15, 60, 360, 1_440] as const;

const defaultChoices: ViewChoices = {
  selection: { kind: 'newest' },
  windowMinutes: 5,
  sort: defaultSort,
  filter: '',
  rows: 'none',
};

export function postMessage(message: WebviewMessage): void {
  api.postMessage(message);
}

/** How the user likes the panel; the host writes it into the page. */
export function loadPreferences(): PanelPreferences {
  try {
    return parsePreferences(JSON.parse(document.documentElement.dataset['preferences'] ?? '{}'));
  } catch {
    return parsePreferences(undefined);
  }
}

/** Choices from the last time; the default in place of each that no longer fits. */
export function loadChoices(): ViewChoices {
  const state = api.getState();
  if (typeof state !== 'object' || state === null) return defaultChoices;
  const saved = state as { [Name in keyof ViewChoices]?: unknown };
  const sort = saved.sort as Partial<Record<keyof Sort, unknown>> | undefined;
  const column = columns.find(({ id }) => id === sort?.column);
  const selection = parsePanelSelection(saved.selection) ?? defaultChoices.selection;
  const range = parsePanelQuery({ selection, grouping: 'direction', range: saved.range })?.range;
  return {
    selection,
    windowMinutes:
      windowChoices.find((choice) => choice === saved.windowMinutes) ?? defaultChoices.windowMinutes,
    sort:
      column !== undefined && typeof sort?.descending === 'boolean'
        ? { column: column.id, descending: sort.descending }
        : defaultSort,
    filter: typeof saved.filter === 'string' ? saved.filter : '',
    rows: rowGroupings.find((each) => each === saved.rows) ?? defaultChoices.rows,
    ...(range === undefined ? {} : { range }),
  };
}

export function saveChoices(choices: ViewChoices): void {
  api.setState(choices);
}
