// The editor's window as a person uses it: keys, input boxes, views. What it looks for is what can be seen or
// what a screen reader is told, never the product's own variables.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import type { CodeServer } from '../../../scripts/editor/code-server.mjs';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { openPage } from './chromium.mjs';

const startMillis = 60_000;
const waitMillis = 30_000;

export class Workbench {
  readonly #folderName: string;

  private constructor(
    readonly page: Page,
    folder: string,
  ) {
    this.#folderName = path.basename(folder);
  }

  /** Opens a folder and waits until the window stands. */
  static async open(browser: Browser, editor: CodeServer, folder: string): Promise<Workbench> {
    const page = await openPage(browser, editor);
    page.setDefaultTimeout(waitMillis);
    await page.goto(`${editor.origin}/?folder=${encodeURIComponent(folder)}`);
    const workbench = new Workbench(page, folder);
    await workbench.watched('opening the window', () => workbench.ready());
    return workbench;
  }

  /** Waits until the window stands and has its folder, which its title then names. */
  async ready(): Promise<void> {
    await this.page.locator('.part.statusbar .statusbar-item').first().waitFor({ timeout: startMillis });
    const names = (folder: string): boolean => document.title.includes(folder);
    await this.page.waitForFunction(names, this.#folderName, { timeout: startMillis });
  }

  /** Runs a command by its title, through the command palette. */
  async runCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input[type="text"]');
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first().waitFor();
    await this.page.keyboard.press('Enter');
  }

  /**
   * Presses F5 once the named launch configuration is the chosen one, and waits until the program runs. The
   * side bar has to show that extensions are there: before, F5 only opens the side bar.
   */
  async startDebugging(configuration: string): Promise<void> {
    await this.page.keyboard.press('Control+Shift+D');
    await this.page.getByRole('button', { name: `Debug Launch Configurations: ${configuration}` }).waitFor();
    await this.page.keyboard.press('F5');
    await this.debuggedPrograms.first().waitFor();
  }

  /**
   * Presses Shift+F5 and waits until nothing is debugged any more. The toolbar goes last: until then F5 does not start
   * anything.
   */
  async stopDebugging(): Promise<void> {
    await this.page.keyboard.press('Shift+F5');
    await this.debuggedPrograms.first().waitFor({ state: 'hidden' });
    await this.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
  }

  /** What is being debugged, as the call stack lists it. */
  get debuggedPrograms(): Locator {
    return this.page.locator('.debug-call-stack .monaco-list-row');
  }

  /** The box in which a secret is typed. */
  get passwordBox(): Locator {
    return this.page.locator('.quick-input-widget input[type="password"]');
  }

  /** Opens the debug side bar and waits until the product says there what to do. */
  async openDebugSideBar(): Promise<void> {
    await this.page.keyboard.press('Control+Shift+D');
    // It may have been open already. Whatever is opened before it has the focus is closed by that.
    await this.page.locator('.part.sidebar :focus').waitFor();
    await this.expandView('Network Usage');
    await this.page.getByText('Nothing is being watched').first().waitFor();
  }

  /** Unfolds a view of the side bar, by its title, unless it is unfolded. */
  async expandView(title: string): Promise<void> {
    const header = this.page.getByRole('button', { name: `${title} Section` });
    await header.waitFor();
    if ((await header.getAttribute('aria-expanded')) !== 'true') await header.click();
  }

  /** Rows of a tree view, by the view's title or a part of it. */
  rows(view: string): Locator {
    return this.page.getByRole('tree', { name: view }).getByRole('treeitem');
  }

  /** A status bar item by its text. */
  statusBarItem(text: RegExp): Locator {
    return this.page.locator('.part.statusbar .statusbar-item').filter({ hasText: text });
  }

  get notifications(): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item, .monaco-dialog-box');
  }

  /**
   * Listens from now on to what a screen reader is told of messages: each of them, also one that takes the place of its
   * like on the screen. Returns a function that gives all of it so far, such as `Warning: …`.
   */
  async announcements(): Promise<() => Promise<string[]>> {
    const heard = await this.page.evaluateHandle(() => {
      const texts: string[] = [];
      const listen = (container: Element): void => {
        new MutationObserver(() => {
          const text = container.textContent;
          if (text !== '') texts.push(text);
        }).observe(container, { childList: true, characterData: true, subtree: true });
      };
      document.querySelectorAll('.monaco-aria-container .monaco-alert').forEach(listen);
      return texts;
    });
    return async () => {
      const texts = await heard.jsonValue();
      return texts.filter((text) => /^(?:Error|Warning|Info): /.test(text));
    };
  }

  /** The document inside the webview that shows now. */
  get webview(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready:visible').frameLocator('#active-frame');
  }

  /** Does something in the window; when that fails, a picture of how the window looked is kept. */
  async watched<T>(name: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await this.screenshot(`failed-${name.toLowerCase().replaceAll(/\W+/g, '-')}`);
      throw error;
    }
  }

  /** Keeps a picture in test-results/screenshots. */
  async screenshot(name: string): Promise<void> {
    const folder = inProject('test-results', 'screenshots');
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: path.join(folder, `${name}.png`) });
  }
}
