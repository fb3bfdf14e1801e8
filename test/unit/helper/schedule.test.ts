import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Schedule } from '../../../helper/src/schedule';

const milli = 1e6;
let fired: { name: string; millis: number }[];
let schedule: Schedule;

/** Time of the monotonic clock, which a test can let run while no timer fires. */
let clockMillis: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  clockMillis = 1_000;
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(Math.round(clockMillis * milli)));
  fired = [];
  schedule = new Schedule((names, now) => {
    for (const name of names) fired.push({ name, millis: now / milli });
  });
});

afterEach(() => {
  schedule.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Lets both clocks run, the timers in steps of a millisecond. */
function run(millis: number): void {
  for (let step = 0; step < millis; step += 1) {
    clockMillis += 1;
    vi.advanceTimersByTime(1);
  }
}

/** The clock runs, and nothing else can. */
function stall(millis: number): void {
  clockMillis += millis;
}

function timesOf(name: string): number[] {
  return fired.filter((call) => call.name === name).map(({ millis }) => millis);
}

describe('Schedule', () => {
  it('fires at even distances from the first time', () => {
    schedule.set('a', 100 * milli, 1_010 * milli);
    run(320);
    expect(timesOf('a')).toEqual([1_010, 1_110, 1_210, 1_310]);
  });

  it('stays on its grid when a timer comes late, and skips what was missed', () => {
    schedule.set('a', 100 * milli, 1_000 * milli);
    run(150);
    stall(333);
    run(120);
    // The timer for 1,100 fired in time; that for 1,200 could only at 1,484 or later; then the grid again.
    const [late, next] = timesOf('a').slice(2);
    expect(late).toBeGreaterThan(1_483);
    expect(late).toBeLessThan(1_600);
    expect(next).toBe(1_600);
  });

  it('serves several names with one timer', () => {
    schedule.set('a', 100 * milli, 1_100 * milli);
    schedule.set('b', 150 * milli, 1_150 * milli);
    expect(vi.getTimerCount()).toBe(1);
    run(300);
    expect(vi.getTimerCount()).toBe(1);
    expect(timesOf('a')).toEqual([1_100, 1_200, 1_300]);
    expect(timesOf('b')).toEqual([1_150, 1_300]);
  });

  it('calls once for names that are due together', () => {
    const calls: string[][] = [];
    const together = new Schedule((names) => calls.push(names));
    together.set('a', 100 * milli, 1_100 * milli);
    together.set('b', 50 * milli, 1_050 * milli);
    run(110);
    together.close();
    expect(calls).toEqual([['b'], ['a', 'b']]);
  });

  it('begins anew when a name is set again, and ends when it is deleted', () => {
    schedule.set('a', 100 * milli, 1_050 * milli);
    run(60);
    schedule.set('a', 10 * milli, 1_070 * milli);
    run(25);
    schedule.delete('a');
    run(500);
    expect(timesOf('a')).toEqual([1_050, 1_070, 1_080]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes on when a call throws', () => {
    let calls = 0;
    const failing = new Schedule(() => {
      calls += 1;
      throw new Error('once more');
    });
    failing.set('a', 100 * milli, 1_100 * milli);
    expect(() => run(110)).toThrow('once more');
    expect(() => run(110)).toThrow('once more');
    failing.close();
    expect(calls).toBe(2);
  });

  it('can be changed by what it calls', () => {
    const changing: Schedule = new Schedule((names) => {
      fired.push(...names.map((name) => ({ name, millis: clockMillis })));
      changing.delete('a');
      changing.set('b', 50 * milli, (clockMillis + 5) * milli);
    });
    changing.set('a', 100 * milli, 1_100 * milli);
    run(107);
    changing.close();
    expect(fired.map(({ name, millis }) => [name, millis])).toEqual([
      ['a', 1_100],
      ['b', 1_105],
    ]);
  });
});
