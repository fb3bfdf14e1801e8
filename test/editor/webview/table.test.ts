// The table of connections: order, keys, filter, copying.
import { describe, expect, it } from 'vitest';
import { sampleFlow, sampleMessage, sampleProcess, sampleSession, usage } from '../../unit/webview/samples';
import { activeText, columnTexts, header, panelInBrowser, rows, sessionWith } from './support';

const show = panelInBrowser();

describe('the table', () => {
  it('sorts by a click on a header, and back by another', async () => {
    const shown = await show({ sessions: [sessionWith(3)] });
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['3.00 kB', '2.00 kB', '1.00 kB']);
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBe('descending');
    await header(shown, 'receivedTotal').click();
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['1.00 kB', '2.00 kB', '3.00 kB']);
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBe('ascending');
    await header(shown, 'local').click();
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBeNull();
    expect(await header(shown, 'local').getAttribute('aria-sort')).toBe('ascending');
  });

  it('is sorted and walked through by keys alone', async () => {
    const shown = await show({ sessions: [sessionWith(200)] });
    const { keyboard } = shown.page;
    await shown.page.locator('.grid').focus();
    for (let step = 0; step < 6; step += 1) await keyboard.press('ArrowRight');
    expect(await activeText(shown)).toBe('↓ Total');
    await keyboard.press('Enter');
    expect(await header(shown, 'receivedTotal').getAttribute('aria-sort')).toBe('ascending');
    await keyboard.press('ArrowDown');
    expect(await activeText(shown)).toBe('1.00 kB');
    await keyboard.press('Control+End');
    for (let step = 0; step < 5; step += 1) await keyboard.press('ArrowLeft');
    expect(await activeText(shown)).toBe('200 kB');
    // The cell that the keys are on is in sight.
    const box = await shown.page.locator('.grid-cell.active').boundingBox();
    const grid = await shown.page.locator('.grid').boundingBox();
    expect(box && grid && box.y >= grid.y + 23 && box.y + box.height <= grid.y + grid.height + 1).toBe(true);
    await keyboard.press('PageUp');
    await keyboard.press('Control+Home');
    expect(await activeText(shown)).toBe('node (4242)');
  });

  it('keeps the order of rows while the focus or the pointer is in it', async () => {
    const session = sessionWith(3);
    const shown = await show({ sessions: [session] });
    await shown.page.locator('.grid').press('ArrowDown');
    session.applySample(
      sampleMessage(40, { flows: [sampleFlow(1, usage(0, 900_000)), sampleFlow(4, usage(0, 800_000))] }),
    );
    await shown.update();
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['3.00 kB', '2.00 kB', '900 kB', '800 kB']);
    await rows(shown).first().hover();
    await shown.page.locator('.filter').focus();
    await shown.update();
    expect((await columnTexts(shown, 'receivedTotal'))[0]).toBe('3.00 kB');
    await shown.page.mouse.move(5, 5);
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['900 kB', '800 kB', '3.00 kB', '2.00 kB']);
  });

  it('marks estimates by what is estimated, and says below what the marks mean', async () => {
    const session = sampleSession('s1');
    const flows = [
      sampleFlow(1, usage(10, 3_000)),
      sampleFlow(2, { ...usage(10, 2_000), estimate: true }),
      sampleFlow(3, { ...usage(10, 1_000), wireEstimate: true }),
    ];
    session.applySample(sampleMessage(0, { flows }));
    const shown = await show({ sessions: [session] });
    expect(await columnTexts(shown, 'receivedTotal')).toEqual(['3.00 kB', '~2.00 kB', '≈1.00 kB']);
    const footer = shown.page.locator('.table-footer');
    expect(await footer.textContent()).toBe('3 connections · ~ estimated · ≈ estimated on the wire');
    expect(await footer.getAttribute('title')).toMatch(/^~ Estimated: .*\n≈ Estimated on the wire: .*$/);
  });

  it('makes only the rows in sight of ten thousand', async () => {
    const shown = await show({ sessions: [sessionWith(10_000)] });
    const grid = shown.page.locator('.grid');
    expect(await grid.getAttribute('aria-rowcount')).toBe('10001');
    expect(await rows(shown).count()).toBeLessThan(40);
    await grid.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await shown.page.locator('[role=row][aria-rowindex="10001"]').waitFor();
    expect(await rows(shown).last().locator('[id$=-receivedTotal]').textContent()).toBe('1.00 kB');
    expect(await shown.page.locator('*').count()).toBeLessThan(800);
  });

  it('shows what closed, in words and below what is open, and takes away what is gone', async () => {
    const session = sessionWith(2);
    const shown = await show({ sessions: [session] });
    session.applySample(sampleMessage(40, { removedFlows: [2] }));
    await shown.update();
    expect(await columnTexts(shown, 'state')).toEqual(['established', 'closed']);
    expect(await shown.page.locator('.table-footer').textContent()).toBe('2 connections · 1 closed');
    session.flows.delete(2);
    await shown.update();
    expect(await columnTexts(shown, 'state')).toEqual(['established']);
  });

  it('filters as one types', async () => {
    const shown = await show({ sessions: [sessionWith(20)] });
    await shown.page.locator('.filter').fill('TCP :40007');
    expect(await columnTexts(shown, 'local')).toEqual(['192.0.2.10:40007']);
    expect(await shown.page.locator('.table-footer').textContent()).toBe('1 of 20 connections');
    await shown.page.locator('.filter').fill('no such thing');
    expect(await rows(shown).textContent()).toBe('No connection matches the filter.');
  });

  it('copies the cell that the keys are on', async () => {
    const shown = await show({ sessions: [sessionWith(3)] });
    await rows(shown).nth(1).locator('[id$=-remote]').click();
    const copied = await shown.page.evaluate(() => {
      const data = new DataTransfer();
      document.dispatchEvent(new ClipboardEvent('copy', { clipboardData: data, cancelable: true }));
      return data.getData('text/plain');
    });
    expect(copied).toBe('198.51.100.7:443');
  });

  it('tells the context menu which connection it is about', async () => {
    const shown = await show({ sessions: [sessionWith(3)] });
    await rows(shown).nth(2).locator('[id$=-local]').click({ button: 'right' });
    const context: unknown = JSON.parse(
      (await shown.page.locator('.grid').getAttribute('data-vscode-context')) ?? 'null',
    );
    expect(context).toMatchObject({ webviewSection: 'connection', value: '192.0.2.10:40001' });
    expect(context).toHaveProperty('row', expect.stringContaining('node (4242)\tTCP\t198.51.100.7:443\t'));
  });

  it('treats hostile names as text', async () => {
    const session = sampleSession('s1', '<img src=x onerror="document.title=1">');
    const name = '<script>document.title="owned"</script>\u202e"><b>';
    session.applySample(
      sampleMessage(0, {
        flows: [sampleFlow(1, { interface: '<i>eth0</i>', state: '<u>x</u>' as 'closed' })],
        processes: [sampleProcess(4242, name)],
      }),
    );
    const shown = await show({ sessions: [session] });
    expect((await columnTexts(shown, 'process'))[0]).toContain(
      '<script>document.title="owned"</script>\ufffd"><b>',
    );
    expect(await shown.page.locator('img, b, i, u, main script').count()).toBe(0);
    expect(await shown.page.title()).toBe('Network Usage');
  });
});
