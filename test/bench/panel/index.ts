// What the panel costs at one sample a second: in the extension host, where samples become messages, and in the page,
// which draws them. The last line of the output is JSON: a list of figures.
import { PanelFeed } from '../../../src/extension/panel-feed';
import type { MonitoredSession } from '../../../src/extension/watched-session';
import type { PanelQuery } from '../../../src/shared/panel-messages';
import { launchBrowser } from '../../editor/browser/chromium.mjs';
import { PanelServer, ShownPanel } from '../../editor/webview/harness';
import { sampleFlow, sampleMessage, sampleSession, usage } from '../../unit/webview/samples';
import { atMost, type Figure } from '../results';

/** Ticks that are measured, after some that warm up. */
const ticks = 40;
const warmUp = 10;
/** Part of the connections that move in a tick. */
const moving = 0.1;

const query: PanelQuery = { selection: { kind: 'newest' }, grouping: 'direction' };

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Lets a second pass in a session: a tenth of its connections move, another tenth every time. */
function tick(session: MonitoredSession, connections: number, second: number): void {
  const count = second === 0 ? connections : Math.ceil(connections * moving);
  const flows = Array.from({ length: count }, (_, index) => {
    const id = second === 0 ? index + 1 : ((second * count + index) % connections) + 1;
    return sampleFlow(id, usage(1_000 * (second + 1), 4_000 * (second + 1), { tx: 1_000, rx: 4_000 }));
  });
  const moved = 1_000 * count * (second + 1);
  session.applySample(sampleMessage(second, { flows, total: usage(moved, 4 * moved, { tx: 1e6, rx: 4e6 }) }));
}

/** Milliseconds that each tick takes in the extension host; `seen`: with messages to a view. */
function inHost(connections: number, seen: boolean): number[] {
  const session = sampleSession('s1');
  const feed = new PanelFeed();
  const times: number[] = [];
  tick(session, connections, 0);
  if (seen) JSON.stringify(feed.snapshot([session], query));
  for (let second = 1; second <= warmUp + ticks; second += 1) {
    const before = performance.now();
    tick(session, connections, second);
    if (seen) JSON.stringify(feed.update([session], query));
    if (second > warmUp) times.push(performance.now() - before);
  }
  return times;
}

/** Frames of a scroll, and pixels that each goes: some 20 rows. */
const scrollFrames = 240;
const scrollStep = 440;

/** Milliseconds between the frames while the table scrolls; 16.7 where nothing is in the way. */
async function scroll({ page }: ShownPanel): Promise<number[]> {
  return page.locator('.grid').evaluate(
    async (grid, [frames, step]) => {
      const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
      const times: number[] = [];
      let before = await frame();
      for (let count = 0; count < frames; count += 1) {
        grid.scrollTop += step;
        const now = await frame();
        times.push(now - before);
        before = now;
      }
      return times;
    },
    [scrollFrames, scrollStep] as const,
  );
}

/** Milliseconds of the page's main thread for each tick, between frames of a scroll, and bytes of its heap. */
async function inPage(
  connections: number,
): Promise<{ times: number[]; heap: number; frames: number[]; busy: number }> {
  const browser = await launchBrowser();
  const server = await PanelServer.start();
  try {
    const session = sampleSession('s1');
    tick(session, connections, 0);
    const panel = await ShownPanel.open(browser, server, { sessions: [session], width: 1_200, height: 420 });
    const client = await panel.page.context().newCDPSession(panel.page);
    await client.send('Performance.enable');
    const metric = async (name: string): Promise<number> =>
      (await client.send('Performance.getMetrics')).metrics.find((each) => each.name === name)?.value ?? 0;
    const times: number[] = [];
    for (let second = 1; second <= warmUp + ticks; second += 1) {
      tick(session, connections, second);
      const before = await metric('TaskDuration');
      await panel.update();
      if (second > warmUp) times.push(1_000 * ((await metric('TaskDuration')) - before));
    }
    const heap = await metric('JSHeapUsedSize');
    const before = await metric('TaskDuration');
    const frames = await scroll(panel);
    const busy = (1_000 * ((await metric('TaskDuration')) - before)) / scrollFrames;
    await panel.close();
    return { times, heap, frames, busy };
  } finally {
    await browser.close();
    await server.stop();
  }
}

async function measure(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [connections, hostBound, pageBound] of [
    [100, 2, 20],
    [10_000, 30, 100],
  ] as const) {
    const name = `${connections.toLocaleString('en')} connections`;
    figures.push({
      what: `Extension host, a tick with ${name}, panel on show`,
      value: percentile(inHost(connections, true), 0.5),
      unit: 'ms',
      bound: atMost(hostBound),
      note: 'median; sample, history, message as JSON; a tenth of the connections moves',
    });
    figures.push({
      what: `… panel hidden`,
      value: percentile(inHost(connections, false), 0.5),
      unit: 'ms',
      note: 'median; sample and history only, no message',
    });
    const { times, heap, frames, busy } = await inPage(connections);
    figures.push({
      what: `Webview, a tick with ${name}`,
      value: percentile(times, 0.5),
      unit: 'ms',
      bound: atMost(pageBound),
      note: `median of the main thread's tasks, the browser's remote control among them; p90 ${percentile(times, 0.9).toFixed(0)} ms`,
    });
    figures.push({ what: `… its heap`, value: heap / 1e6, unit: 'MB', bound: atMost(100) });
    figures.push({
      what: `… a frame while its table scrolls`,
      value: busy,
      unit: 'ms',
      bound: atMost(16),
      note: `mean of the main thread's work; from frame to frame ${percentile(frames, 0.5).toFixed(0)} ms, p95 ${percentile(frames, 0.95).toFixed(0)} ms`,
    });
  }
  return figures;
}

console.log(JSON.stringify(await measure()));
