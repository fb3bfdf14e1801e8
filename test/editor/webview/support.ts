// What the tests of the panel share: a browser for each file, the panel in it, and what stands in its table.
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { bundle } from '../../../scripts/make/bundles.mjs';
import type { MonitoredSession } from '../../../src/extension/watched-session';
import { beginning, sampleFlow, sampleMessage, sampleSession, usage } from '../../unit/webview/samples';
import { launchBrowser } from '../browser/chromium.mjs';
import { PanelServer, ShownPanel, type PanelOptions } from './harness';

/** To be called while a file loads. Returns a function that shows the panel until the test ends. */
export function panelInBrowser(): (options: PanelOptions) => Promise<ShownPanel> {
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

  return async (options) => {
    panel = await ShownPanel.open(browser, server, { now: beginning + 60_000, ...options });
    return panel;
  };
}

/** A session with `count` connections; of the one with id N, N × 1,000 bytes were received. */
export function sessionWith(count: number): MonitoredSession {
  const samples = 30;
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

export const rows = (shown: ShownPanel): Locator => shown.page.locator('.grid-body [role=row]');
export const columnTexts = (shown: ShownPanel, column: string): Promise<string[]> =>
  shown.page.locator(`.grid-body [id$="-${column}"]`).allTextContents();
export const header = (shown: ShownPanel, column: string): Locator => shown.page.locator(`#header-${column}`);
export const activeText = (shown: ShownPanel): Promise<string | null> =>
  shown.page.locator('.grid').evaluate((grid) => {
    const active = document.getElementById(grid.getAttribute('aria-activedescendant') ?? '');
    return active?.textContent ?? null;
  });
