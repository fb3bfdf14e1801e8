// Rows move when it means something, and stay otherwise.
import { describe, expect, it } from 'vitest';
import { Ranking } from '../../../helper/src/cli/ranking';

type Item = [name: string, rate: number, total: number];

function order(ranking: Ranking<string>, items: Item[]): string {
  return ranking
    .order(
      items,
      ([name]) => name,
      ([, rate, total]) => ({ rate, total }),
    )
    .map(([name]) => name)
    .join('');
}

describe('Ranking', () => {
  it('puts the busiest first, then the one with the most traffic so far', () => {
    const items: Item[] = [
      ['a', 0, 10],
      ['b', 5_000, 0],
      ['c', 9_000, 0],
      ['d', 0, 99],
    ];
    expect(order(new Ranking(), items)).toBe('cbda');
  });

  it('keeps two rows in place whose rates differ little', () => {
    const ranking = new Ranking<string>();
    order(ranking, [
      ['a', 10_000, 0],
      ['b', 9_000, 0],
    ]);
    expect(
      order(ranking, [
        ['a', 10_000, 0],
        ['b', 12_000, 0],
      ]),
    ).toBe('ab');
    expect(
      order(ranking, [
        ['a', 10_000, 0],
        ['b', 13_000, 0],
      ]),
    ).toBe('ba');
    expect(
      order(ranking, [
        ['a', 10_000, 0],
        ['b', 9_000, 0],
      ]),
    ).toBe('ba');
  });

  it('does not move quiet rows for the traffic of a keep-alive', () => {
    const ranking = new Ranking<string>();
    order(ranking, [
      ['a', 0, 100],
      ['b', 0, 90],
    ]);
    expect(
      order(ranking, [
        ['a', 0, 100],
        ['b', 60, 95],
      ]),
    ).toBe('ab');
  });

  it('gives a new busy row its place at once', () => {
    const ranking = new Ranking<string>();
    order(ranking, [
      ['a', 10_000, 0],
      ['b', 5_000, 0],
    ]);
    expect(
      order(ranking, [
        ['a', 10_000, 0],
        ['b', 5_000, 0],
        ['c', 7_000, 0],
      ]),
    ).toBe('acb');
  });
});
