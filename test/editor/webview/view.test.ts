// What the user makes of the view: paused, grouped, kept as it is liked, one connection in detail.
import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { beginning, sampleFlow, sampleMessage, sampleSession, usage } from '../../unit/webview/samples';
import { bundlePath } from './harness';
import { columnTexts, header, panelInBrowser, rows, sessionWith } from './support';

const show = panelInBrowser();

describe('the view', () => {
  it('is paused without losing anything', async () => {
    const session = sessionWith(1);
    const shown = await show({ sessions: [session] });
    await shown.page.getByRole('button', { name: 'Pause the View' }).click();
    session.applySample(sampleMessage(40, { flows: [sampleFlow(7)] }));
    await shown.update();
    expect(await rows(shown).count()).toBe(1);
    expect(await shown.page.locator('.session-state').textContent()).toBe('paused');
    await shown.page.getByRole('button', { name: 'Resume the View' }).click();
    expect(await rows(shown).count()).toBe(2);
  });

  it('shows groups as layers, with a table that says the same', async () => {
    const session = sampleSession('s1');
    for (let second = 0; second <= 30; second += 1) {
      const flows = [
        sampleFlow(1, usage(second * 4_000, 0)),
        sampleFlow(2, { ...usage(second * 1_000, 0), remote: { address: '192.0.2.77', port: 80 } }),
      ];
      session.applySample(sampleMessage(second, { flows, total: usage(second * 5_000, 0) }));
    }
    session.addMark({ timeMillis: beginning + 12_500, kind: 'failed', detail: ['192.0.2.9:25', 'refused'] });
    const shown = await show({ sessions: [session], width: 1200, height: 700 });
    await shown.page.getByRole('combobox', { name: 'How the chart shows it' }).selectOption('By host');
    await expect
      .poll(() => shown.page.locator('.legend-layers li').allTextContents())
      .toEqual(['1 198.51.100.7↑ 120 kB ↓ 0 B', '2 192.0.2.77↑ 30.0 kB ↓ 0 B']);
    await shown.page.getByRole('button', { name: 'Show the Chart as a Table' }).click();
    const lines = shown.page.locator('.chart-table tbody tr');
    expect(await lines.nth(0).locator('td').allTextContents()).toEqual([
      '0 B/s',
      '0 B/s',
      '↑ 4.00 kB/s ↓ 0 B/s',
      '↑ 1.00 kB/s ↓ 0 B/s',
      '',
    ]);
    expect(await lines.locator('td:last-child').allTextContents()).toContain(
      '12:00:12 connection to 192.0.2.9:25 failed, refused',
    );
  });

  it('is kept as the user likes it', async () => {
    const shown = await show({ sessions: [sessionWith(3)], width: 1200 });
    await shown.page.getByRole('button', { name: 'Columns' }).click();
    await shown.page.getByRole('checkbox', { name: 'Local address' }).uncheck();
    expect(await header(shown, 'local').count()).toBe(0);
    await shown.page.getByRole('button', { name: 'Move Age forward' }).click();
    await shown.page.keyboard.press('Escape');
    const titles = (): Promise<string[]> => shown.page.locator('.grid-title').allTextContents();
    expect((await titles()).slice(-2)).toEqual(['Age', 'Retr.']);
    const edge = await header(shown, 'remote').locator('.column-edge').boundingBox();
    if (edge === null) throw new Error('The column has no edge.');
    const before = (await header(shown, 'remote').boundingBox())?.width ?? 0;
    await shown.page.mouse.move(edge.x + 2, edge.y + 5);
    await shown.page.mouse.down();
    await shown.page.mouse.move(edge.x + 42, edge.y + 5, { steps: 2 });
    await shown.page.mouse.up();
    expect((await header(shown, 'remote').boundingBox())?.width).toBeCloseTo(before + 40, 0);
    // By keys: wider, and to another place.
    await shown.page.locator('.grid').focus();
    await shown.page.keyboard.press('Alt+ArrowRight');
    expect((await titles()).slice(0, 2)).toEqual(['Prot.', 'Process']);
    const preferences = shown.messages.flatMap((message) =>
      message.type === 'preferences' ? [message.preferences] : [],
    );
    expect(preferences.at(-1)?.columns.hidden).toContain('local');
    expect(preferences.at(-1)?.columns.widths['remote']).toBeGreaterThan(before);
  });

  it('says what a filter lacks, and keeps filters under a name', async () => {
    const shown = await show({ sessions: [sessionWith(20)] });
    const filter = shown.page.getByRole('searchbox', { name: 'Filter connections' });
    await filter.fill('port:http');
    expect(await shown.page.locator('.filter-problem').textContent()).toContain('a number is missing');
    await filter.fill('received:>=19k -port:40020');
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['19.0 kB']);
    await shown.page.getByRole('button', { name: 'Saved Filters' }).click();
    await shown.page.getByRole('textbox', { name: 'Name of the filter' }).fill('large');
    await shown.page.getByRole('button', { name: 'Save Filter' }).click();
    await expect
      .poll(() => shown.messages.at(-1))
      .toMatchObject({
        type: 'preferences',
        preferences: { savedFilters: [{ name: 'large', text: 'received:>=19k -port:40020' }] },
      });
    await shown.page.getByRole('button', { name: 'Active now' }).click();
    expect(await filter.inputValue()).toBe('is:active');
  });

  it('shows one connection in detail, and copies it for other tools', async () => {
    const session = sessionWith(3);
    const flow = sampleFlow(2);
    session.applySample(sampleMessage(40, { flows: [sampleFlow(2, usage(9_010, 2_000))] }));
    session.applyEvent({
      monitor: 'monitor-1',
      time: new Date(beginning + 1_000).toISOString(),
      kind: 'failed',
      pid: flow.pid,
      protocol: 'tcp',
      local: flow.local,
      remote: { address: '198.51.100.7', port: 443 },
    });
    const shown = await show({ sessions: [session], width: 1200 });
    await shown.page.locator('.grid').focus();
    await shown.page.keyboard.press('ArrowDown');
    await shown.page.keyboard.press('ArrowDown');
    await shown.page.keyboard.press('Enter');
    const details = shown.page.getByRole('complementary', { name: 'Details of the connection' });
    expect(await details.locator('dl').textContent()).toContain('192.0.2.10:40002');
    await expect.poll(() => details.locator('.details-chart').textContent()).toContain('9.01 kB sent');
    expect(await details.locator('.details-events').last().textContent()).toContain('12:00:01 failed');
    await details.getByRole('button', { name: 'Copy as ss Command' }).click();
    await expect
      .poll(() => shown.messages.at(-1))
      .toEqual({ type: 'copy', text: "ss -tanp 'src 192.0.2.10:40002 and dst 198.51.100.7:443'" });
    await shown.page.keyboard.press('Escape');
    expect(await details.isHidden()).toBe(true);
  });
});

it('its bundle stays small', async () => {
  const sizes = await Promise.all(
    ['panel.js', 'panel.css'].map(async (name) => (await stat(bundlePath(name))).size),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(150_000);
});
