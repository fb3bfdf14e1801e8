// From the walkthrough to the saved session without a mouse. After every step the focus has to be where the next key
// does something, and where a person sees it.
import { cpSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { inProject } from '../../../scripts/lib/paths.mjs';
import { cleanUpAfterAll } from '../browser/cleanup';
import { keyboardFocus, type KeyboardFocus } from '../browser/keyboard-focus';
import { startPackedEditor } from '../browser/packed-editor';
import { Workbench } from '../browser/workbench';

const atTheEnd = cleanUpAfterAll();
let workspace: string;
let workbench: Workbench;

beforeAll(async () => {
  const { editor, browser, scratch } = await startPackedEditor('keyboard', atTheEnd);
  workspace = path.join(scratch, 'demo');
  cpSync(inProject('demo'), workspace, { recursive: true });
  workbench = await Workbench.open(browser, editor, workspace);
  await workbench.page.context().grantPermissions(['clipboard-read', 'clipboard-write'], {
    origin: editor.origin,
  });
});

async function press(...keys: string[]): Promise<void> {
  for (const key of keys) await workbench.page.keyboard.press(key);
}

/** Waits until the focus is like that, and can be seen. */
async function focusIs(expected: Partial<Record<keyof KeyboardFocus, string | RegExp>>): Promise<void> {
  const wanted = Object.fromEntries(
    Object.entries(expected).map(([part, text]) => [
      part,
      typeof text === 'string' ? text : (expect.stringMatching(text) as unknown),
    ]),
  );
  await expect
    .poll(() => keyboardFocus(workbench.page), { timeout: 15_000 })
    .toMatchObject({ ...wanted, isVisible: true });
}

/** Presses a key until the focus is like that. */
async function pressUntil(key: string, holds: (focus: KeyboardFocus) => boolean): Promise<void> {
  const seen: string[] = [];
  for (let times = 0; times < 60; times += 1) {
    await press(key);
    const focus = await keyboardFocus(workbench.page);
    if (holds(focus)) return;
    seen.push(`${focus.role} ${focus.name.slice(0, 40)} ${focus.item}`);
  }
  throw new Error(`${key} does not lead there, but to:\n${seen.join('\n')}`);
}

/** Puts the focus into a view of the side bar. */
async function focusView(name: string): Promise<void> {
  await workbench.runCommand(`Debug: Focus on ${name} View`);
  await expect.poll(() => keyboardFocus(workbench.page)).toMatchObject({ role: 'tree', name });
}

const clipboard = (): Promise<string> => workbench.page.evaluate(() => navigator.clipboard.readText());
const headers = (): Promise<string[]> =>
  workbench.webview.locator('.grid-header [role=columnheader] .grid-title').allTextContents();

test('the walkthrough, and the demo in the debugger', async () => {
  await workbench.watched('walkthrough', async () => {
    await workbench.runCommand('Welcome: Open Walkthrough');
    await workbench.page.getByPlaceholder('Select a walkthrough').waitFor();
    await workbench.page.keyboard.type('ProcNetMon');
    await workbench.page
      .locator('.quick-input-widget .monaco-list-row.focused', { hasText: 'ProcNetMon' })
      .waitFor();
    await press('Enter');
    await expect
      .poll(() => keyboardFocus(workbench.page))
      .toMatchObject({ role: 'button', name: expect.stringContaining('Why root') as unknown });
    await pressUntil('Tab', ({ name, isVisible }) => name === 'Check This Machine' && isVisible);
    // Its page is a webview too; the panel's is to be the only one that shows.
    await workbench.runCommand('View: Close All Editors');
    await workbench.startDebugging('JavaScript: shop');
  });
});

test('the tree', async () => {
  await workbench.watched('tree', async () => {
    await focusView('Network Usage');
    await workbench.rows('Network Usage').filter({ hasText: 'TCP' }).first().waitFor();
    await press('Home');
    await focusIs({ item: /^Session JavaScript: shop/ });
    await pressUntil('ArrowDown', ({ item }) => item.includes('connection to'));
    await press('Control+c');
    await expect.poll(clipboard).toMatch(/^\S+:\d+$/);
    await press('Shift+F10');
    await expect.poll(() => keyboardFocus(workbench.page)).toMatchObject({ role: 'menu' });
    await press('ArrowDown');
    await focusIs({ role: 'menuitem', name: /Show in Panel/ });
    await press('Escape');
    await focusIs({ role: 'tree', item: /connection to/ });
  });
});

/** Chooses an entry of the menu of the focused row. */
async function chooseFromMenu(entry: string): Promise<void> {
  await press('Shift+F10');
  await expect.poll(() => keyboardFocus(workbench.page)).toMatchObject({ role: 'menu' });
  await pressUntil('ArrowDown', ({ role, name }) => role === 'menuitem' && name.startsWith(entry));
  await press('Enter');
}

test('from the tree into the panel, and to a network breakpoint', async () => {
  await workbench.watched('menus', async () => {
    await chooseFromMenu('Copy as ss Command');
    await expect.poll(clipboard).toMatch(/^ss -[tu]anp 'src \S+ and dst \S+'$/);
    await chooseFromMenu('Copy as Filter');
    await expect.poll(clipboard).toMatch(/^proto:\w+ host:\S+ remoteport:\d+$/);
    const filter = await clipboard();
    await chooseFromMenu('Add Network Breakpoint');
    await workbench.page.locator('.quick-input-widget .monaco-list-row').first().waitFor();
    await press('Enter');
    const wanted = workbench.page.getByPlaceholder('host:example.org port:443');
    await expect.poll(() => wanted.inputValue()).toBe(filter);
    await press('Escape');
    await focusView('Network Usage');
    await chooseFromMenu('Show in Panel');
    await focusIs({ role: 'grid' });
    const shown = workbench.webview.getByRole('searchbox', { name: 'Filter connections' });
    expect(await shown.inputValue()).toBe(filter);
    await workbench.webview.getByRole('complementary', { name: 'Details of the connection' }).waitFor();
    await press('Control+f', 'Control+a', 'Delete');
    expect(await shown.inputValue()).toBe('');
    await workbench.runCommand('View: Toggle Panel Visibility');
    await shown.waitFor({ state: 'detached' });
  });
});

test('the chart of the panel', async () => {
  await workbench.watched('chart', async () => {
    await press('Control+k', 'n');
    // It opens on the table, where arrow keys walk through the connections.
    await focusIs({ role: 'grid', item: 'Process name and id' });
    await pressUntil('Shift+Tab', ({ role }) => role === 'slider');
    await press('ArrowLeft', 'ArrowLeft');
    await focusIs({ name: 'Rates over time', value: /sent .*, received / });
    await press('Shift+ArrowLeft', 'Shift+ArrowLeft', 'Shift+ArrowLeft');
    await workbench.webview.getByRole('button', { name: 'Clear Range' }).waitFor();
    await press('+', 'Control+ArrowLeft');
    await workbench.webview.getByRole('button', { name: 'Follow Newest' }).waitFor();
    await focusIs({ role: 'slider' });
    // Buttons that go away when they are pressed hand the focus on.
    await press('Shift+Tab');
    await focusIs({ role: 'button', name: 'Follow Newest' });
    await press('Enter');
    await focusIs({ role: 'slider' });
    await press('Shift+Tab');
    await focusIs({ role: 'button', name: 'Clear Range' });
    await press('Enter');
    await focusIs({ role: 'slider' });
  });
});

test('the table of the panel', async () => {
  await workbench.watched('table', async () => {
    await press('Control+f');
    await focusIs({ role: 'search', name: 'Filter connections' });
    await workbench.page.keyboard.type('proto:http');
    await pressUntil('Tab', ({ role }) => role === 'grid');
    await press('ArrowRight', 'Enter');
    await focusIs({ role: 'grid', item: 'Protocol' });
    expect(await workbench.webview.locator('#header-protocol').getAttribute('aria-sort')).toBe('ascending');
    const before = await headers();
    await press('Alt+ArrowRight');
    await focusIs({ role: 'grid', item: 'Protocol' });
    expect(await headers()).not.toEqual(before);
    await pressUntil('Shift+Tab', ({ name }) => name === 'Columns');
    await press('Enter');
    await focusIs({ role: 'checkbox', name: 'Process' });
    await press('Space');
    await focusIs({ role: 'checkbox', name: 'Process' });
    await expect.poll(async () => (await headers()).length).toBe(before.length - 1);
    await pressUntil('Tab', ({ name }) => name === 'Reset Columns');
    await press('Enter');
    await expect.poll(headers).toEqual(before);
    await focusIs({ role: 'checkbox', name: 'Process' });
    await press('Escape');
    await focusIs({ role: 'button', name: 'Columns' });
  });
});

test('one connection', async () => {
  await workbench.watched('connection', async () => {
    await pressUntil('Tab', ({ role }) => role === 'grid');
    await press('ArrowDown', 'Enter');
    const details = workbench.webview.getByRole('complementary', { name: 'Details of the connection' });
    await details.waitFor();
    await pressUntil('Tab', ({ name }) => name === 'Copy Address');
    await press('Enter');
    await expect.poll(clipboard).toMatch(/:\d+$/);
    await press('Escape');
    await details.waitFor({ state: 'hidden' });
    await focusIs({ role: 'grid', item: /./ });
    await press('Shift+F10');
    await pressUntil(
      'ArrowDown',
      ({ role, name }) => role === 'menuitem' && name.startsWith('Copy as Filter'),
    );
    await press('Enter');
    await expect.poll(clipboard).toMatch(/^host:|^address:|^remote:|^pid:|:/);
    await focusIs({ role: 'grid', item: /./ });
  });
});

test('a network breakpoint', async () => {
  await workbench.watched('breakpoint', async () => {
    await workbench.runCommand('ProcNetMon: Add Network Breakpoint');
    await workbench.page
      .locator('.quick-input-widget .monaco-list-row', { hasText: 'connects' })
      .first()
      .waitFor();
    await press('Enter');
    const filter = workbench.page.getByPlaceholder('host:example.org port:443');
    await filter.waitFor();
    await workbench.page.keyboard.type('port:1');
    await press('Enter');
    await filter.waitFor({ state: 'hidden' });
    const breakpoints = workbench.rows('Network Breakpoints');
    await breakpoints.filter({ hasText: 'connects to port:1' }).waitFor();
    await focusView('Network Breakpoints');
    await press('Home');
    await focusIs({ role: 'tree', item: /connects to port:1/ });
    await press('Delete');
    await breakpoints.first().waitFor({ state: 'detached' });
  });
});

test('the session in a file', async () => {
  await workbench.watched('file', async () => {
    await workbench.stopDebugging();
    await workbench.runCommand('ProcNetMon: Export Session');
    await workbench.page
      .locator('.quick-input-widget .monaco-list-row', { hasText: '.procnetmon' })
      .waitFor();
    await press('Enter');
    const target = workbench.page.locator('.quick-input-widget input[type="text"]');
    await expect.poll(() => target.inputValue()).toMatch(/\.procnetmon$/);
    await press('Control+a');
    await workbench.page.keyboard.type(path.join(workspace, 'shop.procnetmon'));
    await press('Enter');
    await workbench.notifications.getByRole('button', { name: 'Open' }).waitFor();
    await workbench.runCommand('Notifications: Focus Notification Toast');
    await pressUntil('Tab', ({ role, name }) => role === 'button' && name === 'Open');
    await press('Enter');
    await workbench.page.getByRole('tab', { name: 'shop.procnetmon' }).waitFor();
    await focusIs({ role: 'grid', item: /./ });
    await press('ArrowDown', 'Shift+F10');
    await pressUntil('ArrowDown', ({ role, name }) => role === 'menuitem' && name.startsWith('Copy Address'));
    await press('Enter');
    await focusIs({ role: 'grid', item: /./ });
    await workbench.screenshot('keyboard');
  });
});
