// The focus is never left to the page as a whole, where keys do nothing.
import { describe, expect, it } from 'vitest';
import { sampleMessage } from '../../unit/webview/samples';
import type { ShownPanel } from './harness';
import { activeText, columnTexts, panelInBrowser, sessionWith } from './support';

const show = panelInBrowser();

const focused = (shown: ShownPanel): Promise<string> =>
  shown.page.evaluate(() => {
    const control = document.activeElement;
    return `${control?.getAttribute('role') ?? control?.tagName ?? ''} ${control?.getAttribute('aria-label') ?? control?.textContent ?? ''}`.trim();
  });

describe('the focus', () => {
  it('begins on the header of the table, where the order is not held', async () => {
    const session = sessionWith(2);
    const shown = await show({ sessions: [session] });
    await expect.poll(() => focused(shown)).toBe('grid Connections');
    expect(await activeText(shown)).toBe('Process');
    session.applySample(sampleMessage(40, { flows: [...sessionWith(3).flows.values()].slice(2) }));
    await shown.update();
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['3.00 kB', '2.00 kB', '1.00 kB']);
  });

  it('begins on the button that is the next step where there is nothing to show', async () => {
    const shown = await show({ sessions: [] });
    await expect.poll(() => focused(shown)).toMatch(/^BUTTON Start Debugging/);
    shown.sessions = [sessionWith(2)];
    await shown.update();
    await expect.poll(() => focused(shown)).toMatch(/^(grid|slider) /);
  });

  it('stays in the list of columns when a control is made anew or cannot be pressed any more', async () => {
    const shown = await show({ sessions: [sessionWith(2)] });
    await shown.page.getByRole('button', { name: 'Columns' }).press('Enter');
    await shown.page.getByRole('button', { name: 'Move Protocol forward' }).press('Enter');
    expect(
      await shown.page
        .getByRole('checkbox', { name: 'Protocol' })
        .evaluate((box) => box === document.activeElement),
    ).toBe(true);
    await shown.page.getByRole('button', { name: 'Reset Columns' }).press('Enter');
    await expect.poll(() => focused(shown)).toMatch(/^INPUT/);
  });

  it('goes to the table when the connection whose details have it is gone', async () => {
    const session = sessionWith(2);
    const shown = await show({ sessions: [session] });
    await shown.page.locator('.grid').press('ArrowDown');
    await shown.page.locator('.grid').press('Enter');
    await shown.page.getByRole('button', { name: 'Copy Address' }).focus();
    session.flows.clear();
    await shown.update();
    await expect.poll(() => focused(shown)).toBe('grid Connections');
  });

  it('is left alone where a click puts it', async () => {
    const shown = await show({ sessions: [sessionWith(2)] });
    await shown.page.locator('.legend').click();
    await shown.update();
    expect(await focused(shown)).toMatch(/^BODY/);
  });
});
