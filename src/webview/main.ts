// The entry of the panel's page: puts the parts together, and draws what the host sends.
import 'uplot/dist/uPlot.min.css';
import './panel.css';
import type { PanelMessage, PanelQuery, PanelSession, ShowMessage } from '../shared/panel-messages';
import type { PanelPreferences } from '../shared/panel-preferences';
import { sanitise } from '../shared/sanitise';
import { sumRange, type TimeRange } from '../shared/traffic-history';
import { addUsages } from '../shared/usage';
import { RateChart, type ChartData } from './chart';
import { ChartBar } from './chart-bar';
import { groupingOf } from './chart-series';
import { ChartTable } from './chart-table';
import { makeChoice } from './buttons';
import { ColumnsMenu } from './columns-menu';
import { ConnectionList, type Connection } from './connections';
import { rowGroupings } from './connection-groups';
import { ConnectionDetails } from './details';
import { element, setText } from './dom';
import {
  loadChoices,
  loadPreferences,
  postMessage,
  saveChoices,
  windowChoices,
  type ViewChoices,
} from './editor-api';
import { FilterBar } from './filter-bar';
import { FocusKeeper } from './focus-keeper';
import { sumHistories } from './history';
import { t } from './l10n';
import { Legend } from './legend';
import { PanelModel } from './model';
import { chooseNotice, NoticeArea } from './notices';
import { ConnectionTable } from './table';
import type { TimeView } from './time-view';
import { stateTexts, Toolbar } from './toolbar';

const model = new PanelModel();
const list = new ConnectionList();
let choices = loadChoices();
let preferences = loadPreferences();
let inspected: PanelQuery['inspected'];
let compared: string | undefined;
let paused = false;
let asTable = false;
let view: TimeView = { spanMillis: choices.windowMinutes * 60_000 };

const chart = new RateChart(view, {
  view: (changed) => {
    view = changed;
    const minutes = windowChoices.find((each) => each * 60_000 === view.spanMillis);
    toolbar.showWindow(minutes);
    drawAroundChart();
  },
  range: (range) => chooseRange(range),
});
const chartTable = new ChartTable();
const chartBar = new ChartBar(
  () => {
    chooseRange(undefined);
    chart.focus();
  },
  () => {
    chart.setView({ spanMillis: view.spanMillis });
    chart.focus();
  },
);
const legend = new Legend();
const columnsMenu = new ColumnsMenu(preferences.columns, (columns) => {
  prefer({ columns });
  table.setLayout(columns);
});
const groupingChoice = makeChoice(t('Group rows'), [
  ['none', t('No Grouping')],
  ['process', t('By process')],
  ['host', t('By host')],
]);
groupingChoice.value = choices.rows;
groupingChoice.addEventListener('change', () => {
  const rows = rowGroupings.find((each) => each === groupingChoice.value) ?? 'none';
  choose({ rows });
  table.setGrouping(rows);
});
const filterBar = new FilterBar(
  choices.filter,
  preferences.savedFilters,
  {
    filter: (filter, matches) => {
      choose({ filter });
      table.setFilter(matches);
    },
    saved: (savedFilters) => prefer({ savedFilters }),
  },
  [groupingChoice, columnsMenu.element],
);
const table = new ConnectionTable(choices.sort, preferences.columns, choices.rows, filterBar.element, {
  sort: (sort) => choose({ sort }),
  layout: (columns) => {
    prefer({ columns });
    columnsMenu.setLayout(columns);
  },
  open: (connection) => inspect(connection),
  activate: (connection) => {
    if (inspected !== undefined) inspect(connection);
  },
  close: () => inspect(undefined),
});
const details = new ConnectionDetails({
  close: () => {
    inspect(undefined);
    table.grid.focus();
  },
  copy: (text) => postMessage({ type: 'copy', text }),
  filter: (text) => filterBar.set(text),
});
const toolbar = new Toolbar(
  { windowMinutes: choices.windowMinutes, chartStyle: preferences.chartStyle },
  legend.element,
  {
    select: (selection) => {
      choose({ selection });
      ask();
    },
    style: (chartStyle) => {
      prefer({ chartStyle });
      ask();
      drawChart();
    },
    compare: (session) => {
      compared = session;
      ask();
      drawChart();
    },
    window: (windowMinutes) => {
      choose({ windowMinutes });
      view = { ...view, spanMillis: windowMinutes * 60_000 };
      chart.setView(view);
    },
    pause: (isPaused) => {
      paused = isPaused;
      // What came in meanwhile is in the model.
      draw();
    },
    asTable: (isTable) => {
      asTable = isTable;
      drawChart();
    },
  },
);
const notices = new NoticeArea(({ action, session }) =>
  postMessage({ type: 'action', action, ...(session === undefined ? {} : { session }) }),
);
/** Says changes of state, and nothing else: figures that move every second would drown everything. */
const announcer = element('div', { class: 'visually-hidden', attributes: { role: 'status' } });

const chartPane = element('section', {
  class: 'chart-pane',
  attributes: { 'aria-label': t('Rates') },
  children: [chartBar.element, legend.layers, chart.element, chartTable.element],
});
const tablePane = element('div', { class: 'table-and-details', children: [table.element, details.element] });
const figures = element('div', { class: 'figures', children: [chartPane, tablePane] });
const title = element('h1', { class: 'visually-hidden', text: t('Network Usage') });
const page = element('main', {
  class: 'page',
  children: [title, toolbar.element, notices.element, figures, announcer],
});
page.hidden = true;
document.body.append(page);
filterBar.set(choices.filter);
// The table is what one walks through; where there is none yet, the notice has the next step.
const focusKeeper = new FocusKeeper([table.grid, notices.element, page]);

/** Sequence of the message that waits to be drawn and acknowledged. */
let undrawn: number | undefined;

window.addEventListener('message', ({ data }: MessageEvent<PanelMessage>) => {
  if (data.type === 'clear-range') {
    chooseRange(undefined);
    return;
  }
  if (data.type === 'show') {
    show(data);
    return;
  }
  if (!model.apply(data)) {
    postMessage({ type: 'ready', query: query() });
    return;
  }
  // A hidden page gets no frames, so nothing is drawn or acknowledged and the host sends no more.
  if (undrawn === undefined) requestAnimationFrame(drawAndAcknowledge);
  undrawn = data.sequence;
});

document.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'f') {
    event.preventDefault();
    filterBar.focus();
  }
});

function query(): PanelQuery {
  return {
    selection: choices.selection,
    grouping: groupingOf(preferences.chartStyle),
    ...(choices.range === undefined ? {} : { range: choices.range }),
    ...(inspected === undefined ? {} : { inspected }),
    ...(compared === undefined ? {} : { compared }),
  };
}

function ask(): void {
  postMessage({ type: 'query', query: query() });
}

function choose(changed: Partial<ViewChoices>): void {
  choices = { ...choices, ...changed };
  saveChoices(choices);
}

function prefer(changed: Partial<PanelPreferences>): void {
  preferences = { ...preferences, ...changed };
  postMessage({ type: 'preferences', preferences });
}

function chooseRange(range: TimeRange | undefined): void {
  const others = { ...choices };
  delete others.range;
  choices = range === undefined ? others : { ...others, range };
  saveChoices(choices);
  model.forgetRange();
  ask();
  drawChart();
  if (range === undefined) drawTable();
}

/** Shows what was asked for elsewhere in the editor, as if it had been chosen here. */
function show({ session, filter = '', flow, range }: ShowMessage): void {
  const [shown, ...others] = model.shownSessions;
  if (shown?.id !== session || others.length > 0) choose({ selection: { kind: 'session', id: session } });
  filterBar.set(filter);
  inspected = flow === undefined ? undefined : { session, flow };
  if (range !== undefined) chart.reveal(range);
  chooseRange(range);
}

function inspect(connection: Connection | undefined): void {
  const next = connection && { session: connection.session, flow: connection.flow.id };
  if (next?.session === inspected?.session && next?.flow === inspected?.flow) return;
  inspected = next;
  ask();
  drawDetails(connection);
}

function drawAndAcknowledge(): void {
  if (!paused) draw();
  if (undrawn !== undefined) postMessage({ type: 'acknowledge', sequence: undrawn });
  undrawn = undefined;
}

function draw(): void {
  const shown = model.shownSessions;
  const anyFigures = [...model.figures.values()].some(
    ({ history, flows }) => history.points.length > 0 || flows.size > 0,
  );
  const notice = chooseNotice(shown, anyFigures);
  page.hidden = false;
  figures.hidden = notice?.kind === 'welcome';
  notices.update(notice);
  toolbar.update(model.sessions, shown, choices.selection, !figures.hidden);
  drawTable();
  drawChart();
  setText(announcer, announcement(shown));
  focusKeeper.check();
}

function drawTable(): void {
  const connections = list.update(model);
  table.setConnections(connections, model.timeMillis);
  drawDetails(
    connections.find(({ session, flow }) => session === inspected?.session && flow.id === inspected.flow),
  );
}

function drawDetails(connection: Connection | undefined): void {
  const inspection = connection && model.figures.get(connection.session)?.inspection;
  details.show(connection, inspection, model.timeMillis);
}

function drawChart(): void {
  const shown = [...model.figures.values()];
  chart.setData({
    style: preferences.chartStyle,
    history: sumHistories(shown.map(({ history }) => history.points)),
    groups: shown.map(({ groups }) => groups),
    marks: shown.flatMap(({ marks }) => marks).sort((one, other) => one.timeMillis - other.timeMillis),
    range: choices.range,
    compared: comparison(),
  });
  drawAroundChart();
}

/** The run that is laid over the one on show, so that both begin at the same moment. */
function comparison(): ChartData['compared'] {
  const [shown] = model.shownSessions;
  const other = model.sessions.find(({ id }) => id === compared);
  if (shown === undefined || other === undefined || model.compared?.session !== compared) return undefined;
  return {
    history: model.compared?.history ?? [],
    shiftMillis: shown.startedMillis - other.startedMillis,
  };
}

/** Legend, line and table of the chart: they follow what the chart shows. */
function drawAroundChart(): void {
  const shown = [...model.figures.values()];
  const { points, layers, visible } = chart.content;
  chart.element.hidden = asTable;
  chartTable.element.hidden = !asTable;
  if (asTable) {
    chartTable.update(
      { points, layers, visible },
      shown.flatMap(({ marks }) => marks),
    );
  }
  legend.updateLayers(layers, (layer, name) => chart.layerColour(layer, name));
  const total = addUsages(model.shownSessions.map((session) => session.total));
  const range = rangeSums();
  legend.update({
    sentRate: total.rates.wire.tx,
    receivedRate: total.rates.wire.rx,
    sentBytes: range?.txBytes ?? total.wire.txBytes,
    receivedBytes: range?.rxBytes ?? total.wire.rxBytes,
    inRange: range !== undefined,
    marks: total,
  });
  chartBar.update({ range, heldAtMillis: view.endMillis });
}

/** What passed in the chosen range: as the host says, until then as the points of the chart say. */
function rangeSums(): (TimeRange & { txBytes: number; rxBytes: number; forgottenBytes: number }) | undefined {
  const { range } = choices;
  if (range === undefined) return undefined;
  const sums = { ...range, txBytes: 0, rxBytes: 0, forgottenBytes: 0 };
  for (const { history, range: told } of model.figures.values()) {
    const { txBytes, rxBytes } = told ?? sumRange(history.points, range);
    sums.txBytes += txBytes;
    sums.rxBytes += rxBytes;
    sums.forgottenBytes += (told?.forgotten.tx ?? 0) + (told?.forgotten.rx ?? 0);
    if (told !== undefined && model.figures.size === 1) Object.assign(sums, told.covered);
  }
  return sums;
}

function announcement(shown: readonly PanelSession[]): string {
  return shown.map(({ state, label }) => `${sanitise(label)}: ${stateTexts[state]}`).join('. ');
}

postMessage({ type: 'ready', query: query() });
