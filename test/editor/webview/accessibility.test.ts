// Rules of accessibility in every kind of theme, and reduced motion.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import { describe, expect, it } from 'vitest';
import { sampleMessage, sampleSession } from '../../unit/webview/samples';
import type { ShownPanel } from './harness';
import { panelInBrowser, sessionWith } from './support';
import { themes, type ThemeName } from './themes';

const show = panelInBrowser();

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
