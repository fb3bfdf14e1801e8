// A range of time that is chosen in the chart: table and totals follow.
import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { MonitoredSession } from '../../../src/extension/watched-session';
import { sampleFlow, sampleMessage, sampleProcess, sampleSession, usage } from '../../unit/webview/samples';
import type { ShownPanel } from './harness';
import { columnTexts, panelInBrowser, rows } from './support';

const show = panelInBrowser();

describe('a range of time', () => {
  /** Two connections, of which one moves in the first half and the other in the second. */
  function relay(): MonitoredSession {
    const session = sampleSession('s1');
    for (let second = 0; second <= 60; second += 1) {
      const [first, other] = [Math.min(second, 30), Math.max(0, second - 30)];
      session.applySample(
        sampleMessage(second, {
          flows: [sampleFlow(1, usage(first * 1_000, 0)), sampleFlow(2, usage(other * 1_000, 0))],
          total: usage(second * 1_000, 0, { tx: 1_000, rx: 0 }),
        }),
      );
    }
    return session;
  }

  async function drag(shown: ShownPanel, from: number, to: number): Promise<void> {
    const box = await shown.page.locator('.u-over').boundingBox();
    if (box === null) throw new Error('The chart is not shown.');
    const { mouse } = shown.page;
    await mouse.move(box.x + box.width * from, box.y + 20);
    await mouse.down();
    await mouse.move(box.x + box.width * to, box.y + 30, { steps: 3 });
    await mouse.up();
  }

  const bar = (shown: ShownPanel): Locator => shown.page.locator('.chart-bar');

  it('is chosen by a drag: table and totals follow, until it is taken back', async () => {
    const shown = await show({ sessions: [relay()] });
    expect(await rows(shown).count()).toBe(2);
    await drag(shown, 0.1, 0.4);
    await expect.poll(() => rows(shown).count()).toBe(1);
    expect(await columnTexts(shown, 'local')).toEqual(['192.0.2.10:40001']);
    // What the line above the chart says is what the table and the legend say.
    const said = /(12:00:0\d) to (12:00:2\d) \(.*\): ([\d.]+ kB) sent, 0 B received/;
    await expect.poll(() => bar(shown).textContent()).toMatch(said);
    const [, from = '', to = '', sent = ''] = said.exec((await bar(shown).textContent()) ?? '') ?? [];
    expect(sent).toBe(`${Number(to.slice(-2)) - Number(from.slice(-2))}.0 kB`);
    await expect.poll(() => columnTexts(shown, 'sentTotal')).toEqual([sent]);
    expect(await shown.page.locator('.legend').textContent()).toContain(`${sent} in range`);
    await shown.page.getByRole('button', { name: 'Clear Range' }).click();
    await expect.poll(() => columnTexts(shown, 'sentTotal')).toEqual(['30.0 kB', '30.0 kB']);
    expect(await bar(shown).isHidden()).toBe(true);
  });

  it('is summed up by process and by host, and a group is folded by a key', async () => {
    const session = relay();
    const other = { pid: 5_000, remote: { address: '198.51.100.8', port: 443 } };
    session.applySample(
      sampleMessage(61, {
        processes: [sampleProcess(4_242, 'node'), sampleProcess(5_000, 'curl')],
        flows: [sampleFlow(3, { ...usage(500, 0), ...other })],
        total: usage(60_500, 0),
      }),
    );
    const shown = await show({ sessions: [session] });
    const firstCells = (): Promise<string[]> => columnTexts(shown, 'process');
    await shown.page.getByRole('combobox', { name: 'Group rows' }).selectOption('process');
    await expect
      .poll(firstCells)
      .toEqual([
        'node (4242) · 2 connections',
        'node (4242)',
        'node (4242)',
        'curl (5000) · 1 connection',
        'curl (5000)',
      ]);
    expect((await columnTexts(shown, 'sentTotal'))[0]).toBe('60.0 kB');
    await drag(shown, 0.1, 0.4);
    await expect.poll(firstCells).toEqual(['node (4242) · 1 connection', 'node (4242)']);
    const [sum, only] = await columnTexts(shown, 'sentTotal');
    expect(sum).toBe(only);
    await shown.page.getByRole('button', { name: 'Clear Range' }).click();
    await expect.poll(() => rows(shown).count()).toBe(5);

    await shown.page.getByRole('combobox', { name: 'Group rows' }).selectOption('host');
    await expect.poll(firstCells).toContain('198.51.100.7 · 2 connections');
    await shown.page.locator('.grid').focus();
    await shown.page.keyboard.press('ArrowDown');
    await shown.page.keyboard.press('Enter');
    await expect.poll(() => rows(shown).count()).toBe(3);
    expect(await rows(shown).first().getAttribute('aria-expanded')).toBe('false');
    // The group of the active row takes the details of nobody.
    expect(await shown.page.locator('.details').isHidden()).toBe(true);
  });

  it('is chosen by keys', async () => {
    const shown = await show({ sessions: [relay()] });
    await shown.page.getByRole('slider', { name: 'Rates over time' }).focus();
    const { keyboard } = shown.page;
    await keyboard.press('End');
    for (let count = 0; count < 5; count += 1) await keyboard.press('Shift+ArrowLeft');
    await expect.poll(() => bar(shown).textContent()).toContain('12:00:55 to 12:01:00');
    await expect.poll(() => columnTexts(shown, 'local')).toEqual(['192.0.2.10:40002']);
    await keyboard.press('Escape');
    await keyboard.press('Escape');
    await expect.poll(() => rows(shown).count()).toBe(2);
  });

  it('stays on show while the chart is zoomed and held, and the newest is one click away', async () => {
    const session = relay();
    const shown = await show({ sessions: [session] });
    const slider = shown.page.getByRole('slider', { name: 'Rates over time' });
    await slider.focus();
    await shown.page.keyboard.press('+');
    await shown.page.keyboard.press('Control+ArrowLeft');
    await bar(shown).waitFor();
    expect(await bar(shown).textContent()).toContain('Held at 12:00:56');
    session.applySample(sampleMessage(61, { total: usage(61_000, 0, { tx: 5, rx: 0 }) }));
    await shown.update();
    expect(await bar(shown).textContent()).toContain('Held at 12:00:56');
    await shown.page.getByRole('button', { name: 'Follow Newest' }).click();
    expect(await bar(shown).isHidden()).toBe(true);
  });
});
