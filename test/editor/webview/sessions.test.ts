// Which sessions are on show, and what is said when there are none or one failed.
import { describe, expect, it } from 'vitest';
import type { MonitoredSession } from '../../../src/extension/watched-session';
import { beginning, sampleFlow, sampleMessage, sampleSession, usage } from '../../unit/webview/samples';
import { columnTexts, panelInBrowser, rows, sessionWith } from './support';

const show = panelInBrowser();

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

  it('are shown as the side bar asks: one session, what matches in it, details, a range of time', async () => {
    const shown = await show({ sessions: twoSessions() });
    await shown.tell({ type: 'show', session: 's1', filter: 'pid:4242', flow: 1 });
    await expect.poll(() => columnTexts(shown, 'local')).toEqual(['192.0.2.10:40001']);
    const filter = shown.page.getByRole('searchbox', { name: 'Filter connections' });
    expect(await filter.inputValue()).toBe('pid:4242');
    await shown.page.getByRole('complementary', { name: 'Details of the connection' }).waitFor();
    const selected = shown.page.getByRole('combobox', { name: 'Session' }).locator('option:checked');
    expect(await selected.textContent()).toBe('server.js');
    const range = { fromMillis: beginning - 60_000, toMillis: beginning };
    await shown.tell({ type: 'show', session: 's1', range });
    await shown.page.getByRole('button', { name: 'Clear Range' }).waitFor();
    expect(await filter.inputValue()).toBe('');
    await shown.tell({ type: 'show', session: 's2' });
    await expect.poll(() => columnTexts(shown, 'local')).toEqual(['192.0.2.10:40002']);
    expect(await shown.page.getByRole('button', { name: 'Clear Range' }).isHidden()).toBe(true);
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
