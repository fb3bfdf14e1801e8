// The browser that tests look through: a Chromium of the system, driven by playwright.
import { chromium } from 'playwright-core';
import { findBrowser } from '../../../scripts/lib/commands.mjs';

const viewport = { width: 1440, height: 900 };

/**
 * @returns {Promise<import('playwright-core').Browser>}
 * @throws when there is no browser; the message says what to do
 */
export function launchBrowser() {
  const executablePath = findBrowser();
  if (!executablePath)
    throw new Error('There is no Chromium or Chrome. Install one or name it in PROCNETMON_BROWSER.');
  return chromium.launch({
    executablePath,
    args: [
      // Everything it opens comes from this machine; as root the sandbox would not start at all.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * Opens a page that the editor lets in.
 * @param {import('playwright-core').Browser} browser
 * @param {import('../../../scripts/editor/code-server.mjs').CodeServer} editor
 */
export async function openPage(browser, editor) {
  const context = await browser.newContext({ viewport, locale: 'en-GB' });
  await context.addCookies([{ ...editor.cookie, url: editor.origin }]);
  return context.newPage();
}
