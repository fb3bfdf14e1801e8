// The chart: what it shows to eyes, pointers, keys and readers.
import { describe, expect, it } from 'vitest';
import { sampleMessage, usage } from '../../unit/webview/samples';
import type { ShownPanel } from './harness';
import { panelInBrowser, sessionWith } from './support';

const show = panelInBrowser();

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
