// The entry of the panel's page: puts the parts together, and draws what the host sends.
import 'uplot/dist/uPlot.min.css';
import './panel.css';
import type { PanelData, PanelSession } from '../shared/panel-messages';
import { sanitise } from '../shared/sanitise';
import { RateChart } from './chart';
import { ConnectionList } from './connections';
import { element, setText } from './dom';
import { loadChoices, postMessage, saveChoices, type ViewChoices } from './editor-api';
import { sumHistories } from './history';
import { PanelModel } from './model';
import { chooseNotice, NoticeArea } from './notices';
import { ConnectionTable } from './table';
import { Toolbar } from './toolbar';

const model = new PanelModel();
const list = new ConnectionList();
let choices = loadChoices();

const chart = new RateChart();
const table = new ConnectionTable(choices.sort, (sort) => choose({ sort }));
const toolbar = new Toolbar(choices, {
  select: (selection) => {
    choose({ selection });
    postMessage({ type: 'select', selection });
  },
  filter: (filter) => {
    choose({ filter });
    table.setFilter(filter);
  },
  window: (windowMinutes) => {
    choose({ windowMinutes });
    drawChart();
  },
});
const notices = new NoticeArea(({ action, session }) =>
  postMessage({ type: 'action', action, ...(session === undefined ? {} : { session }) }),
);
/** Says changes of state, and nothing else: figures that move every second would drown everything. */
const announcer = element('div', { class: 'visually-hidden', attributes: { role: 'status' } });

const chartPane = element('section', {
  class: 'chart-pane',
  attributes: { 'aria-label': 'Rates' },
  children: [chart.element],
});
const figures = element('div', { class: 'figures', children: [chartPane, table.element] });
const title = element('h1', { class: 'visually-hidden', text: 'Network Usage' });
const page = element('main', {
  class: 'page',
  children: [title, toolbar.element, notices.element, figures, announcer],
});
page.hidden = true;
document.body.append(page);
table.setFilter(choices.filter);

/** Sequence of the message that waits to be drawn and acknowledged. */
let undrawn: number | undefined;

window.addEventListener('message', ({ data }: MessageEvent<PanelData>) => {
  if (!model.apply(data)) {
    askForSnapshot();
    return;
  }
  // A hidden page gets no frames, so nothing is drawn or acknowledged and the host sends no more.
  if (undrawn === undefined) requestAnimationFrame(draw);
  undrawn = data.sequence;
});

function askForSnapshot(): void {
  postMessage({ type: 'ready', selection: choices.selection });
}

function choose(changed: Partial<ViewChoices>): void {
  choices = { ...choices, ...changed };
  saveChoices(choices);
}

function draw(): void {
  const shown = model.shownSessions;
  const anyFigures = [...model.figures.values()].some(
    ({ history, flows }) => history.length > 0 || flows.size > 0,
  );
  const notice = chooseNotice(shown, anyFigures);
  page.hidden = false;
  figures.hidden = notice?.kind === 'welcome';
  notices.update(notice);
  toolbar.update(model.sessions, shown, choices.selection, !figures.hidden);
  table.setConnections(list.update(model), model.timeMillis);
  drawChart();
  setText(announcer, announcement(shown));
  if (undrawn !== undefined) postMessage({ type: 'acknowledge', sequence: undrawn });
  undrawn = undefined;
}

function drawChart(): void {
  const histories = [...model.figures.values()].map(({ history }) => history);
  chart.setHistory(sumHistories(histories), choices.windowMinutes * 60_000);
}

function announcement(shown: readonly PanelSession[]): string {
  const words = {
    searching: 'Looking for',
    starting: 'Starting',
    watching: 'Watching',
    ended: 'Ended:',
    failed: 'Failed:',
  };
  return shown.map(({ state, label }) => `${words[state]} ${sanitise(label)}`).join('. ');
}

askForSnapshot();
