import { describe, expect, it } from 'vitest';
import { defaultPreferences, type ColumnLayout } from '../../../src/shared/panel-preferences';
import {
  gridTemplate,
  leastWidth,
  moved,
  movedTo,
  orderedColumns,
  shownColumns,
  withoutWidth,
  withVisibility,
  withWidth,
} from '../../../src/webview/column-layout';
import { columns } from '../../../src/webview/columns';

const plain: ColumnLayout = { order: [], hidden: [], widths: {} };
const ids = (layout: ColumnLayout): string[] => shownColumns(columns, layout).map(({ id }) => id);
const natural = columns.map(({ id }) => id);

describe('columns', () => {
  it('stand in their natural order until they are moved', () => {
    expect(ids(plain)).toEqual(natural);
    const layout = moved(columns, plain, 'protocol', -1);
    expect(ids(layout).slice(0, 3)).toEqual(['protocol', 'process', natural[2]]);
    expect(ids(moved(columns, layout, 'protocol', 1))).toEqual(natural);
    expect(moved(columns, plain, 'process', -1)).toEqual(plain);
  });

  it('jump over hidden ones', () => {
    const layout = withVisibility(withVisibility(plain, 'protocol', false), 'host', false);
    expect(ids(moved(columns, layout, 'process', 1)).slice(0, 2)).toEqual(['remote', 'process']);
  });

  it('that a saved order does not know stand where they do by themselves', () => {
    const layout = { ...plain, order: ['age', 'process', 'gone'] };
    const order = orderedColumns(columns, layout).map(({ id }) => id);
    expect(order.slice(0, 3)).toEqual(['age', 'process', 'protocol']);
    expect([...order].sort()).toEqual([...natural].sort());
  });

  it('are dropped before or behind another one', () => {
    expect(ids(movedTo(columns, plain, 'age', 'process', false))[0]).toBe('age');
    expect(ids(movedTo(columns, plain, 'age', 'process', true))[1]).toBe('age');
    expect(movedTo(columns, plain, 'age', 'age', true)).toBe(plain);
    expect(movedTo(columns, plain, 'age', 'nothing', true)).toBe(plain);
  });

  it('are never all hidden', () => {
    const layout = natural.reduce((sum, id) => withVisibility(sum, id, false), plain);
    expect(ids(layout)).toHaveLength(1);
  });

  it('have the width that they were given, within bounds', () => {
    const layout = withWidth(withWidth(plain, 'process', 5), 'age', 300.4);
    expect(layout.widths).toEqual({ process: 32, age: 300 });
    expect(gridTemplate(shownColumns(columns, layout), layout)).toMatch(
      /^32px minmax\(72px, 0.4fr\) .* 300px$/,
    );
    const [before, after] = [plain, layout].map((each) => leastWidth(shownColumns(columns, each), each));
    expect((after ?? 0) - (before ?? 0)).toBe(32 - 148 + 300 - 92);
    expect(withoutWidth(layout, 'age').widths).toEqual({ process: 32 });
  });

  it('hide at first what most rows do not have', () => {
    expect(ids(defaultPreferences.columns)).not.toContain('failure');
  });
});
