// What the panel remembers of how its user likes it, on this machine and, with Settings Sync, on others. Nothing in it
// speaks of programs or peers but the filters that the user saved.

/** How the chart draws. */
export const chartStyles = ['mirrored', 'overlaid', 'process', 'host', 'protocol'] as const;
export type ChartStyle = (typeof chartStyles)[number];

/** Columns by their id. What is not named stands where and as wide as it does by itself. */
export interface ColumnLayout {
  order: string[];
  hidden: string[];
  /** Pixels. */
  widths: Record<string, number>;
}

export interface SavedFilter {
  name: string;
  text: string;
}

export interface PanelPreferences {
  chartStyle: ChartStyle;
  columns: ColumnLayout;
  savedFilters: SavedFilter[];
}

/** Bounds of what is kept. */
const maximumColumns = 64;
const maximumNameLength = 64;
export const maximumFilterLength = 512;
export const maximumSavedFilters = 50;
export const columnWidthRange = { minimum: 32, maximum: 1_200 } as const;

export const defaultPreferences: PanelPreferences = {
  chartStyle: 'mirrored',
  columns: { order: [], hidden: ['host', 'interface', 'failure'], widths: {} },
  savedFilters: [],
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maximumNameLength;
}

function toNames(value: unknown, otherwise: string[]): string[] {
  return Array.isArray(value) ? [...new Set(value.filter(isName))].slice(0, maximumColumns) : otherwise;
}

/** Reads preferences from data that nobody vouches for; the default in place of each part that does not fit. */
export function parsePreferences(value: unknown): PanelPreferences {
  const given = isRecord(value) ? value : {};
  const columns = isRecord(given['columns']) ? given['columns'] : {};
  const widths = isRecord(columns['widths']) ? columns['widths'] : {};
  const filters: unknown[] = Array.isArray(given['savedFilters']) ? given['savedFilters'] : [];
  return {
    chartStyle: chartStyles.find((style) => style === given['chartStyle']) ?? defaultPreferences.chartStyle,
    columns: {
      order: toNames(columns['order'], defaultPreferences.columns.order),
      hidden: toNames(columns['hidden'], defaultPreferences.columns.hidden),
      widths: Object.fromEntries(
        Object.entries(widths)
          .filter(
            (entry): entry is [string, number] =>
              isName(entry[0]) && typeof entry[1] === 'number' && Number.isFinite(entry[1]),
          )
          .slice(0, maximumColumns)
          .map(([name, width]) => [
            name,
            Math.round(Math.min(columnWidthRange.maximum, Math.max(columnWidthRange.minimum, width))),
          ]),
      ),
    },
    savedFilters: filters
      .filter(
        (filter): filter is SavedFilter =>
          isRecord(filter) &&
          isName(filter['name']) &&
          typeof filter['text'] === 'string' &&
          filter['text'].length <= maximumFilterLength,
      )
      .map(({ name, text }) => ({ name, text }))
      .slice(0, maximumSavedFilters),
  };
}
