// The panel in a real browser, under the content-security policy that it has in the editor.
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../../../scripts/make/bundles.mjs';
import type { MonitoredSession } from '../../../src/extension/watched-session';
import {
  beginning,
  sampleFlow,
  sampleMessage,
  sampleProcess,
  sampleSession,
  usage,
} from '../../unit/webview/samples';
import { launchBrowser } from '../browser/chromium.mjs';
import { bundlePath, PanelServer, ShownPanel, type PanelOptions } from './harness';
import { themes, type ThemeName } from './themes';

let browser: Browser;
let server: PanelServer;
let panel: ShownPanel | undefined;

beforeAll(async () => {
  await bundle('webview', { production: true });
  browser = await launchBrowser();
  server = await PanelServer.start();
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

afterEach(async () => {
  const complaints = panel?.complaints;
  await panel?.close();
  panel = undefined;
  // Errors, and whatever the policy kept out.
  expect(complaints ?? []).toEqual([]);
});

async function show(options: PanelOptions): Promise<ShownPanel> {
  panel = await ShownPanel.open(browser, server, { now: beginning + 60_000, ...options });
  return panel;
}

/** A session with `count` connections; of the one with id N, N × 1,000 bytes were received. */
function sessionWith(count: number, samples = 30): MonitoredSession {
  const session = sampleSession('s1');
  const flows = Array.from({ length: count }, (_, index) =>
    sampleFlow(index + 1, usage(10, (index + 1) * 1_000)),
  );
  for (let sequence = 0; sequence < samples; sequence += 1) {
    const rates = { tx: 1_000_000 + sequence, rx: 4_000_000 };
    session.applySample(
      sampleMessage(sequence, { flows: sequence === 0 ? flows : [], total: usage(5e6, 2e7, rates) }),
    );
  }
  return session;
}

const rows = (shown: ShownPanel): Locator => shown.page.locator('.grid-body [role=row]');
const columnTexts = (shown: ShownPanel, column: string): Promise<string[]> =>
  shown.page.locator(`.grid-body [id$="-${column}"]`).allTextContents();
const header = (shown: ShownPanel, column: string): Locator => shown.page.locator(`#header-${column}`);
const activeText = (shown: ShownPanel): Promise<string | null> =>
  shown.page.locator('.grid').evaluate((grid) => {
    const active = document.getElementById(grid.getAttribute('aria-activedescendant') ?? '');
    return active?.textContent ?? null;
  });

describe('the table', () => {
  it('sorts by a click on a header, and back by another', async () => {
    const shown = await show({ sessions: [sessionWith(3)] });
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['3.00 kB', '2.00 kB', '1.00 kB']);
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBe('descending');
    await header(shown, 'receivedTotal').click();
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['1.00 kB', '2.00 kB', '3.00 kB']);
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBe('ascending');
    await header(shown, 'local').click();
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBeNull();
    expect(await header(shown, 'local').getAttribute('aria-sort')).toBe('ascending');
  });

  it('is sorted and walked through by keys alone', async () => {
    const shown = await show({ sessions: [sessionWith(200)] });
    const { keyboard } = shown.page;
    await shown.page.locator('.grid').focus();
    for (let step = 0; step < 6; step += 1) await keyboard.press('ArrowRight');
    expect(await activeText(shown)).toBe('↓ Total');
    await keyboard.press('Enter');
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBe('ascending');
    await keyboard.press('ArrowDown');
    expect(await activeText(shown)).toBe('1.00 kB');
    await keyboard.press('Control+End');
    for (let step = 0; step < 5; step += 1) await keyboard.press('ArrowLeft');
    expect(await activeText(shown)).toBe('200 kB');
    // The cell that the keys are on is in sight.
    const box = await shown.page.locator('.grid-cell.active').boundingBox();
    const grid = await shown.page.locator('.grid').boundingBox();
    expect(box && grid && box.y >= grid.y + 23 && box.y + box.height <= grid.y + grid.height + 1).toBe(true);
    await keyboard.press('PageUp');
    await keyboard.press('Control+Home');
    expect(await activeText(shown)).toBe('node (4242)');
  });

  it('keeps the order of rows while the focus or the pointer is in it', async () => {
    const session = sessionWith(3);
    const shown = await show({ sessions: [session] });
    await shown.page.locator('.grid').focus();
    session.applySample(
      sampleMessage(40, { flows: [sampleFlow(1, usage(0, 900_000)), sampleFlow(4, usage(0, 800_000))] }),
    );
    await shown.update();
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['3.00 kB', '2.00 kB', '900 kB', '800 kB']);
    await rows(shown).first().hover();
    await shown.page.locator('.filter').focus();
    await shown.update();
    expect((await columnTexts(shown, 'receivedTotal'))[0]).toBe('3.00 kB');
    await shown.page.mouse.move(5, 5);
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['900 kB', '800 kB', '3.00 kB', '2.00 kB']);
  });

  it('makes only the rows in sight of ten thousand', async () => {
    const shown = await show({ sessions: [sessionWith(10_000)] });
    const grid = shown.page.locator('.grid');
    expect(await grid.getAttribute('aria-rowcount')).toBe('10001');
    expect(await rows(shown).count()).toBeLessThan(40);
    await grid.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await shown.page.locator('[role=row][aria-rowindex="10001"]').waitFor();
    expect(await rows(shown).last().locator('[id$=-receivedTotal]').textContent()).toBe('1.00 kB');
    expect(await shown.page.locator('*').count()).toBeLessThan(800);
  });

  it('shows what closed, in words and below what is open, and takes away what is gone', async () => {
    const session = sessionWith(2);
    const shown = await show({ sessions: [session] });
    session.applySample(sampleMessage(40, { removedFlows: [2] }));
    await shown.update();
    expect(await columnTexts(shown, 'state')).toEqual(['established', 'closed']);
    expect(await shown.page.locator('.table-footer').textContent()).toBe('2 connections · 1 closed');
    session.flows.delete(2);
    await shown.update();
    expect(await columnTexts(shown, 'state')).toEqual(['established']);
  });

  it('filters as one types', async () => {
    const shown = await show({ sessions: [sessionWith(20)] });
    await shown.page.locator('.filter').fill('TCP :40007');
    expect(await columnTexts(shown, 'local')).toEqual(['192.0.2.10:40007']);
    expect(await shown.page.locator('.table-footer').textContent()).toBe('1 of 20 connections');
    await shown.page.locator('.filter').fill('no such thing');
    expect(await rows(shown).textContent()).toBe('No connection matches the filter.');
  });

  it('copies the cell that the keys are on', async () => {
    const shown = await show({ sessions: [sessionWith(3)] });
    await rows(shown).nth(1).locator('[id$=-remote]').click();
    const copied = await shown.page.evaluate(() => {
      const data = new DataTransfer();
      document.dispatchEvent(new ClipboardEvent('copy', { clipboardData: data, cancelable: true }));
      return data.getData('text/plain');
    });
    expect(copied).toBe('198.51.100.7:443');
  });

  it('tells the context menu which connection it is about', async () => {
    const shown = await show({ sessions: [sessionWith(3)] });
    await rows(shown).nth(2).locator('[id$=-local]').click({ button: 'right' });
    const context: unknown = JSON.parse(
      (await shown.page.locator('.grid').getAttribute('data-vscode-context')) ?? 'null',
    );
    expect(context).toMatchObject({ webviewSection: 'connection', value: '192.0.2.10:40001' });
    expect(context).toHaveProperty('row', expect.stringContaining('node (4242)\tTCP\t198.51.100.7:443\t'));
  });

  it('treats hostile names as text', async () => {
    const session = sampleSession('s1', '<img src=x onerror="document.title=1">');
    const name = '<script>document.title="owned"</script>\u202e"><b>';
    session.applySample(
      sampleMessage(0, {
        flows: [sampleFlow(1, { interface: '<i>eth0</i>', state: '<u>x</u>' as 'closed' })],
        processes: [sampleProcess(4242, name)],
      }),
    );
    const shown = await show({ sessions: [session] });
    expect((await columnTexts(shown, 'process'))[0]).toContain(
      '<script>document.title="owned"</script>\ufffd"><b>',
    );
    expect(await shown.page.locator('img, b, i, u, main script').count()).toBe(0);
    expect(await shown.page.title()).toBe('Network Usage');
  });
});

describe('the chart', () => {
  const pixels = (shown: ShownPanel): Promise<string> =>
    shown.page.locator('.uplot canvas').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

  it('moves with each sample', async () => {
    const session = sessionWith(1);
    const shown = await show({ sessions: [session] });
    const before = await pixels(shown);
    session.applySample(sampleMessage(30, { total: usage(0, 0, { tx: 9_000_000, rx: 10 }) }));
    await shown.update();
    expect(await pixels(shown)).not.toBe(before);
    expect(await shown.page.locator('#chart-summary').textContent()).toContain(
      'Now: sent 9.00 MB/s, received 10 B/s. Peak of the last 1 min 00 s: sent 9.00 MB/s, received 4.00 MB/s.',
    );
    expect(await shown.page.locator('.legend').textContent()).toContain('9.00 MB/s');
  });

  it('is drawn anew in the colours of another theme', async () => {
    const shown = await show({ sessions: [sessionWith(1)], theme: 'dark' });
    const colours = (): Promise<string[]> =>
      shown.page.locator('.uplot canvas').evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
          data: [],
        };
        const found = new Set<string>();
        for (let index = 0; index < data.length; index += 4) {
          if (data[index + 3] === 255) found.add([...data.slice(index, index + 3)].join(','));
        }
        return [...found];
      });
    expect(await colours()).toContain('89,164,249');
    await shown.setTheme('light');
    await expect.poll(colours).toContain('0,99,211');
    expect(await colours()).not.toContain('89,164,249');
  });

  it('shows the values under the pointer', async () => {
    const shown = await show({ sessions: [sessionWith(1)] });
    const readout = shown.page.locator('.chart-readout');
    expect(await readout.isHidden()).toBe(true);
    const box = await shown.page.locator('.u-over').boundingBox();
    if (box === null) throw new Error('The chart is not shown.');
    await shown.page.mouse.move(box.x + box.width - 2, box.y + 10);
    await readout.waitFor();
    expect(await readout.textContent()).toBe('12:00:29↑ 1.00 MB/s↓ 4.00 MB/s');
  });

  it('tells the values to keys and readers', async () => {
    const shown = await show({ sessions: [sessionWith(1)] });
    const slider = shown.page.getByRole('slider', { name: 'Rates over time' });
    await slider.focus();
    await shown.page.keyboard.press('Home');
    expect(await slider.getAttribute('aria-valuetext')).toBe('12:00:00: sent 1.00 MB/s, received 4.00 MB/s');
    await shown.page.keyboard.press('ArrowRight');
    expect(await slider.getAttribute('aria-valuetext')).toContain('12:00:01');
    expect(await shown.page.locator('.chart-readout').isVisible()).toBe(true);
    await shown.page.keyboard.press('Escape');
    expect(await shown.page.locator('.chart-readout').isHidden()).toBe(true);
  });

  it('takes the width that the panel has', async () => {
    const shown = await show({ sessions: [sessionWith(1)], width: 800 });
    const width = async (): Promise<number> => (await shown.page.locator('.uplot').boundingBox())?.width ?? 0;
    expect(await width()).toBe(800);
    await shown.page.setViewportSize({ width: 500, height: 420 });
    await expect.poll(width).toBe(500);
  });
});

describe('the sessions', () => {
  const twoSessions = (): MonitoredSession[] => {
    const [one, other] = [sampleSession('s1', 'server.js'), sampleSession('s2', 'client.js')];
    one.applySample(sampleMessage(0, { flows: [sampleFlow(1)], total: usage(1_000, 0, { tx: 100, rx: 0 }) }));
    other.applySample(
      sampleMessage(0, { flows: [sampleFlow(2)], total: usage(2_000, 0, { tx: 200, rx: 0 }) }),
    );
    return [one, other];
  };

  it('are chosen from a list, one or all', async () => {
    const shown = await show({ sessions: twoSessions() });
    const choice = shown.page.getByRole('combobox', { name: 'Session' });
    expect(await choice.locator('option').allTextContents()).toEqual([
      'Newest: client.js',
      'All sessions',
      'server.js',
      'client.js',
    ]);
    expect(await columnTexts(shown, 'local')).toEqual(['192.0.2.10:40002']);
    await choice.selectOption('server.js');
    await expect.poll(() => columnTexts(shown, 'local')).toEqual(['192.0.2.10:40001']);
    await choice.selectOption('All sessions');
    await expect.poll(() => rows(shown).count()).toBe(2);
    expect(await shown.page.locator('.legend').textContent()).toContain('300 B/s');
    expect(shown.messages.at(-2)).toEqual({
      type: 'query',
      query: { selection: { kind: 'all' }, grouping: 'direction' },
    });
  });

  it('are compared: the earlier run is laid over the later one', async () => {
    const [earlier, later] = [sessionWith(1), sessionWith(1)];
    Object.assign(earlier, { id: 's0', label: 'before.js' });
    const shown = await show({ sessions: [earlier, later] });
    const chart = shown.page.locator('.uplot canvas');
    const pixels = (): Promise<string> =>
      chart.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const before = await pixels();
    await shown.page
      .getByRole('combobox', { name: 'Compare with another run' })
      .selectOption('Compared with before.js');
    await expect.poll(() => shown.messages.at(-1)).toMatchObject({ type: 'acknowledge' });
    await expect.poll(pixels).not.toBe(before);
  });

  it('keep their figures when they end', async () => {
    const session = sessionWith(2);
    const shown = await show({ sessions: [session] });
    session.end();
    session.state = 'ended';
    await shown.update();
    expect(await shown.page.locator('.session-state').textContent()).toBe('ended');
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['2.00 kB', '1.00 kB']);
    expect(await shown.page.locator('.legend').textContent()).toContain('20.0 MB total');
    expect(await shown.page.locator('[role=status].visually-hidden').textContent()).toBe('app.js: ended');
  });

  it('that are none leave an offer of the next step', async () => {
    const shown = await show({ sessions: [] });
    await shown.page.getByRole('button', { name: 'Monitor PID…' }).click();
    await expect.poll(() => shown.messages.at(-1)).toEqual({ type: 'action', action: 'monitorProcess' });
    await shown.page.getByRole('button', { name: 'Start Debugging' }).click();
    await expect.poll(() => shown.messages.at(-1)).toEqual({ type: 'action', action: 'startDebugging' });
  });

  it('that failed say why, and can be tried again', async () => {
    const session = sampleSession('s1');
    session.state = 'failed';
    session.failure = { message: 'sudo refused the password.', remedy: 'Try again.' };
    const shown = await show({ sessions: [session] });
    expect(await shown.page.locator('.notice').textContent()).toContain(
      'sudo refused the password.Try again.',
    );
    await shown.page.getByRole('button', { name: 'Try Again' }).click();
    await expect
      .poll(() => shown.messages.at(-1))
      .toEqual({ type: 'action', action: 'retry', session: 's1' });
  });

  it('come in again as a whole after a message was lost', async () => {
    const session = sessionWith(1);
    const shown = await show({ sessions: [session] });
    shown.loseUpdate();
    session.applySample(sampleMessage(40, { flows: [sampleFlow(7)] }));
    await shown.postUpdate();
    await expect.poll(() => rows(shown).count()).toBe(2);
    expect(shown.messages.filter(({ type }) => type === 'ready')).toHaveLength(2);
  });
});

describe('everybody can use it', () => {
  const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

  async function findings(shown: ShownPanel): Promise<string[]> {
    // Evaluated from outside, where the page's policy does not reach.
    await shown.page.evaluate(await readFile(axeSource, 'utf8'));
    const { violations } = await shown.page.evaluate(() =>
      (window as unknown as { axe: typeof axe }).axe.run(),
    );
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
    );
  }

  it.each(Object.keys(themes) as ThemeName[])('in the theme %s', async (theme) => {
    const session = sessionWith(30);
    session.applySample(sampleMessage(40, { removedFlows: [29, 30] }));
    const shown = await show({ sessions: [session], theme });
    expect(await findings(shown)).toEqual([]);
    await shown.page.locator('.grid').focus();
    await shown.page.keyboard.press('ArrowDown');
    expect(await findings(shown)).toEqual([]);
    // Layers, their table, details, a filter that is not understood, an open pane.
    await shown.page.getByRole('combobox', { name: 'How the chart shows it' }).selectOption('By process');
    await shown.page.keyboard.press('Enter');
    await shown.page.locator('.grid-body [role=row]').first().click();
    await shown.page.locator('.filter').fill('port:x');
    await shown.page.getByRole('button', { name: 'Saved Filters' }).click();
    expect(await findings(shown)).toEqual([]);
    await shown.page.getByRole('button', { name: 'Columns' }).click();
    await shown.page.getByRole('button', { name: 'Show the Chart as a Table' }).click();
    expect(await findings(shown)).toEqual([]);
    await shown.page.getByRole('combobox', { name: 'Group rows' }).selectOption('By host');
    expect(await findings(shown)).toEqual([]);
  });

  it.each(Object.keys(themes) as ThemeName[])(
    'when it is empty, and when it failed, in the theme %s',
    async (theme) => {
      const shown = await show({ sessions: [], theme });
      expect(await findings(shown)).toEqual([]);
      shown.sessions = [sessionWith(0)];
      await shown.update();
      expect(await findings(shown)).toEqual([]);
      const failed = sessionWith(1);
      failed.state = 'failed';
      failed.failure = { message: 'The helper ended.', remedy: 'See the log.' };
      shown.sessions = [failed];
      await shown.update();
      expect(await findings(shown)).toEqual([]);
    },
  );

  it('without motion for those who asked for none', async () => {
    const starting = sampleSession('s1');
    starting.state = 'starting';
    const shown = await show({ sessions: [starting] });
    const animation = (): Promise<string> =>
      shown.page.locator('.progress').evaluate((bar) => getComputedStyle(bar, '::before').animationName);
    expect(await animation()).toBe('progress');
    await shown.page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await animation()).toBe('none');
  });
});

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
      .toEqual(['node (4242) · 2 connections', 'node (4242)', 'node (4242)', 'curl (5000) · 1 connection', 'curl (5000)']);
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
