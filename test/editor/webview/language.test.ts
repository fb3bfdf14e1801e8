// The panel in other languages: numbers are written as the texts around them are.
import { describe, expect, it } from 'vitest';
import { sampleFlow, sampleMessage, sampleSession, usage } from '../../unit/webview/samples';
import { columnTexts, panelInBrowser, rows } from './support';

const show = panelInBrowser();

function busySession() {
  const session = sampleSession('s1');
  const flows = [
    sampleFlow(1, {
      ...usage(1_234, 2_345_678, { tx: 1_500, rx: 12_345 }),
      retransmits: 1_234,
      rttMicros: 1_234,
    }),
    ...Array.from({ length: 1_499 }, (_, index) => sampleFlow(index + 2, usage(0, 0))),
  ];
  session.applySample(sampleMessage(0, { flows, total: usage(1_234, 2_345_678, { tx: 1_500, rx: 12_345 }) }));
  return session;
}

describe.each([
  { language: undefined, point: '.', thousands: ',', connections: 'connections' },
  { language: 'de', point: ',', thousands: '.', connections: 'Verbindungen' },
  { language: 'zh-cn', point: '.', thousands: ',', connections: '个连接' },
] as const)('in $language', ({ language, point, thousands, connections }) => {
  it('numbers are written as the language does, everywhere on the page', async () => {
    const shown = await show({ sessions: [busySession()], ...(language && { language }) });
    const first = async (column: string) => (await columnTexts(shown, column))[0];
    expect(await first('sentTotal')).toBe(`1${point}23 kB`);
    expect(await first('receivedTotal')).toBe(`2${point}35 MB`);
    expect(await first('receivedRate')).toBe(`12${point}3 kB/s`);
    expect(await first('roundTrip')).toBe(`1${point}23 ms`);
    expect(await first('retransmits')).toBe(`1${thousands}234`);
    const text = async (selector: string) => (await shown.page.locator(selector).textContent()) ?? '';
    expect(await text('.table-footer')).toBe(`1${thousands}500 ${connections}`);
    expect(await text('.legend')).toContain(`2${point}35 MB`);
    expect(await text('#chart-summary')).toContain(`12${point}3 kB/s`);
    const tooltip = await rows(shown).first().locator('[id$="-receivedTotal"]').getAttribute('title');
    expect(tooltip).toContain(`2${thousands}345${thousands}678`);
    // A figure of the other kind is nowhere, not even where only a screen reader finds it.
    const page = await shown.page.evaluate(() => document.body.outerHTML);
    expect(page.match(new RegExp(`[\\d${thousands}]+\\${thousands}\\d+ [kMGmµ]?[Bs]\\b`, 'g')) ?? []).toEqual(
      [],
    );
  });
});
