// Shows the built panel in a real browser, as the editor does: its page with its content-security policy, the
// theme's variables on the root element, and a host that answers.
import { createServer, type Server } from 'node:http';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PanelFeed } from '../../../src/extension/panel-feed';
import { panelPage } from '../../../src/extension/panel-page';
import type { WatchedSession } from '../../../src/extension/sessions';
import {
  parseWebviewMessage,
  type PanelData,
  type PanelQuery,
  type ShowMessage,
  type WebviewMessage,
} from '../../../src/shared/panel-messages';
import { themes, type ThemeName } from './themes';

/** Where a file of the built webview is. */
export function bundlePath(name: string): string {
  return fileURLToPath(new URL(`../../../dist/webview/${name}`, import.meta.url));
}

const files = new Map([
  ['/panel.js', 'text/javascript'],
  ['/panel.css', 'text/css'],
]);

function translationsInto(language: string): Record<string, string> {
  if (language === 'en') return {};
  const file = new URL(`../../../l10n/bundle.l10n.${language}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
}

/** Serves the page and its two files on the loopback interface, and nothing else. */
export class PanelServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<PanelServer> {
    const server = createServer((request, response) => {
      const type = files.get(request.url ?? '');
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
      if (pathname === '/') {
        const language = searchParams.get('language') ?? 'en';
        response.setHeader('Content-Type', 'text/html; charset=utf-8');
        response.end(
          panelPage({
            ...{ script: '/panel.js', style: '/panel.css', styleSource: "'self'", nonce: 'harness' },
            language,
            translations: translationsInto(language),
          }),
        );
      } else if (type !== undefined) {
        response.setHeader('Content-Type', `${type}; charset=utf-8`);
        readFile(bundlePath((request.url ?? '').slice(1))).then(
          (content) => response.end(content),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
      } else {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PanelServer(server);
  }

  get address(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export interface PanelOptions {
  sessions?: WatchedSession[];
  theme?: ThemeName;
  /** The editor's language; English where none is given. */
  language?: 'de' | 'zh-cn';
  width?: number;
  height?: number;
  /** Clock of the host in Unix milliseconds; ages count from it. */
  now?: number;
}

/** One panel on show, and the host that it talks to. */
export class ShownPanel {
  readonly page: Page;
  /** Everything the page said, in order. */
  readonly messages: WebviewMessage[] = [];
  /** Errors in the page; what its policy kept out is among them. */
  readonly complaints: string[] = [];
  sessions: WatchedSession[];
  query: PanelQuery = { selection: { kind: 'newest' }, grouping: 'direction' };
  readonly #context: BrowserContext;
  readonly #feed = new PanelFeed();
  readonly #now: number | undefined;
  readonly #waiting = new Map<number, () => void>();

  private constructor(context: BrowserContext, page: Page, options: PanelOptions) {
    this.#context = context;
    this.page = page;
    this.sessions = options.sessions ?? [];
    this.#now = options.now;
  }

  static async open(browser: Browser, server: PanelServer, options: PanelOptions = {}): Promise<ShownPanel> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1000, height: options.height ?? 420 },
      locale: 'en-GB',
      timezoneId: 'UTC',
    });
    const page = await context.newPage();
    const panel = new ShownPanel(context, page, options);
    const address = new URL(server.address);
    if (options.language !== undefined) address.searchParams.set('language', options.language);
    await panel.#load(address.href, options.theme ?? 'dark');
    return panel;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  /** Sends what changed in the sessions and waits until it is drawn. */
  async update(): Promise<void> {
    await this.#send(this.#feed.update(this.sessions, this.query));
  }

  /** Sends what changed, without waiting for anything. */
  async postUpdate(): Promise<void> {
    await this.#post(this.#feed.update(this.sessions, this.query));
  }

  /** Tells the page something else than data. */
  async tell(message: ShowMessage): Promise<void> {
    await this.page.evaluate((told) => window.postMessage(told), message);
  }

  /** Makes an update that never arrives. */
  loseUpdate(): void {
    this.#feed.update(this.sessions, this.query);
  }

  /** What the editor does when the user chooses another theme. */
  async setTheme(name: ThemeName): Promise<void> {
    await this.page.evaluate(applyTheme, themes[name]);
  }

  async #load(address: string, theme: ThemeName): Promise<void> {
    const { page } = this;
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    await page.exposeFunction('sendToHost', (message: unknown) => this.#receive(message));
    await page.addInitScript(() => {
      let state: unknown;
      Object.assign(window, {
        acquireVsCodeApi: () => ({
          postMessage: (message: unknown) =>
            (window as unknown as { sendToHost: (message: unknown) => void }).sendToHost(message),
          getState: () => state,
          setState: (next: unknown) => (state = next),
        }),
      });
    });
    await page.addInitScript(applyTheme, themes[theme]);
    await page.goto(address);
    await page.locator('main.page').waitFor();
  }

  async #receive(received: unknown): Promise<void> {
    const message = parseWebviewMessage(received);
    if (message === undefined) throw new Error(`The page sent ${JSON.stringify(received)}`);
    this.messages.push(message);
    switch (message.type) {
      case 'ready':
        this.query = message.query;
        await this.#post(this.#feed.snapshot(this.sessions, this.query));
        break;
      case 'query':
        this.query = message.query;
        await this.#post(this.#feed.update(this.sessions, this.query));
        break;
      case 'acknowledge':
        this.#waiting.get(message.sequence)?.();
        break;
      case 'action':
      case 'copy':
      case 'preferences':
        break;
    }
  }

  async #send(message: PanelData): Promise<void> {
    const drawn = new Promise<void>((resolve) => this.#waiting.set(message.sequence, resolve));
    await this.#post(message);
    await drawn;
  }

  async #post(message: PanelData): Promise<void> {
    const dated = { ...message, timeMillis: this.#now ?? message.timeMillis };
    // As text: the browser's remote control is slow with large objects.
    await this.page.evaluate((text) => window.postMessage(JSON.parse(text)), JSON.stringify(dated));
  }
}

/** Runs in the page. As the editor does it: variables on the root element, the kind of theme on the body. */
function applyTheme(theme: { bodyClass: string; variables: Readonly<Record<string, string>> }): void {
  const apply = (): void => {
    const { style } = document.documentElement;
    for (const name of [...style]) style.removeProperty(name);
    for (const [name, value] of Object.entries(theme.variables)) style.setProperty(`--vscode-${name}`, value);
    // The editor's panel lies behind the page.
    style.background = theme.variables['panel-background'] ?? '';
    document.body.className = `vscode-body ${theme.bodyClass}`;
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', apply);
  else apply();
}
