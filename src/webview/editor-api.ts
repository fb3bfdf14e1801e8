// The editor's side of the webview: messages to the host, and what the view remembers while it is away.
import { parsePanelSelection, type PanelSelection, type WebviewMessage } from '../shared/panel-messages';
import { columns, defaultSort, type Sort } from './columns';

declare function acquireVsCodeApi(): {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
};

const api = acquireVsCodeApi();

/** Choices of the user that outlive a hidden view. */
export interface ViewChoices {
  selection: PanelSelection;
  windowMinutes: number;
  sort: Sort;
  filter: string;
}

/** Stretches of time that the chart can show, in minutes. */
export const windowChoices = [1, 5, 15, 60] as const;

const defaultChoices: ViewChoices = {
  selection: { kind: 'newest' },
  windowMinutes: 5,
  sort: defaultSort,
  filter: '',
};

export function postMessage(message: WebviewMessage): void {
  api.postMessage(message);
}

/** Choices from the last time; the default in place of each that no longer fits. */
export function loadChoices(): ViewChoices {
  const state = api.getState();
  if (typeof state !== 'object' || state === null) return defaultChoices;
  const saved = state as { [Name in keyof ViewChoices]?: unknown };
  const sort = saved.sort as Partial<Record<keyof Sort, unknown>> | undefined;
  const column = columns.find(({ id }) => id === sort?.column);
  return {
    selection: parsePanelSelection(saved.selection) ?? defaultChoices.selection,
    windowMinutes:
      windowChoices.find((choice) => choice === saved.windowMinutes) ?? defaultChoices.windowMinutes,
    sort:
      column !== undefined && typeof sort?.descending === 'boolean'
        ? { column: column.id, descending: sort.descending }
        : defaultSort,
    filter: typeof saved.filter === 'string' ? saved.filter : '',
  };
}

export function saveChoices(choices: ViewChoices): void {
  api.setState(choices);
}
