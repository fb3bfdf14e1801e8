// Pointer, wheel and keys on the chart, as what they mean.
import type { TimeRange } from '../shared/traffic-history';
import { follow } from './table-header';

/** Pixels that a pointer has to move before a press chooses a range. */
const dragDistance = 4;
const wheelZoom = 1.2;
const keyZoom = 1.5;

export interface ChartGestures {
  /** The moment at a place of the page, in Unix milliseconds. */
  timeAt: (clientX: number) => number | undefined;
  /** Length of what is on show, in milliseconds. */
  span: () => number;
  /** Above 1: more time. Around `at`, or what the keys are on. */
  zoom: (factor: number, at: number | undefined) => void;
  pan: (millis: number) => void;
  live: () => void;
  /** The range that a drag would choose if it ended now. */
  draft: (range: TimeRange | undefined) => void;
  select: (range: TimeRange) => void;
  step: (target: 'first' | 'last' | 'mark-before' | 'mark-after' | number, extend: boolean) => void;
  clear: () => void;
}

/** Has the gestures made on a box told. */
export function listenToChart(box: HTMLElement, gestures: ChartGestures): void {
  box.addEventListener('pointerdown', (event) => pressed(event, gestures));
  box.addEventListener('dblclick', () => gestures.live());
  box.addEventListener('wheel', (event) => wheelTurned(event, gestures), { passive: false });
  box.addEventListener('keydown', (event) => {
    if (keyPressed(event, gestures)) event.preventDefault();
  });
}

/** A drag chooses a range; with Shift or the middle button it moves the stretch that is on show. */
function pressed(event: PointerEvent, { timeAt, pan, draft, select }: ChartGestures): void {
  const start = timeAt(event.clientX);
  if (start === undefined || event.button > 1) return;
  if (event.button === 1 || event.shiftKey) {
    event.preventDefault();
    let before = event.clientX;
    follow(event, ({ clientX }) => {
      const [from, to] = [timeAt(before), timeAt(clientX)];
      if (from !== undefined && to !== undefined && from !== to) {
        before = clientX;
        pan(from - to);
      }
    });
    return;
  }
  const rangeTo = (clientX: number): TimeRange | undefined => {
    const end = timeAt(clientX);
    if (end === undefined || Math.abs(clientX - event.clientX) < dragDistance) return undefined;
    return { fromMillis: Math.min(start, end), toMillis: Math.max(start, end) };
  };
  follow(
    event,
    ({ clientX }) => draft(rangeTo(clientX)),
    (finished, { clientX }) => {
      const range = finished ? rangeTo(clientX) : undefined;
      if (range === undefined) draft(undefined);
      else select(range);
    },
  );
}

/** Up and down zoom, sideways and with Shift moves along. */
function wheelTurned(event: WheelEvent, { zoom, pan, span, timeAt }: ChartGestures): void {
  event.preventDefault();
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    pan((Math.sign(sideways) * span()) / 10);
  } else if (event.deltaY !== 0) {
    zoom(event.deltaY > 0 ? wheelZoom : 1 / wheelZoom, timeAt(event.clientX));
  }
}

/** Whether the key meant something here. */
function keyPressed(
  { key, ctrlKey, metaKey, shiftKey }: KeyboardEvent,
  { zoom, pan, span, live, step, clear }: ChartGestures,
): boolean {
  const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[key];
  if (direction !== undefined) {
    if (ctrlKey || metaKey) pan((direction * span()) / 10);
    else step(direction, shiftKey);
    return true;
  }
  switch (key) {
    case 'PageDown':
      step(-10, shiftKey);
      return true;
    case 'PageUp':
      step(10, shiftKey);
      return true;
    case 'Home':
      step('first', shiftKey);
      return true;
    case 'End':
      step('last', shiftKey);
      return true;
    case '+':
    case '=':
      zoom(1 / keyZoom, undefined);
      return true;
    case '-':
      zoom(keyZoom, undefined);
      return true;
    case 'm':
      step('mark-after', false);
      return true;
    case 'M':
      step('mark-before', false);
      return true;
    case 'l':
    case 'L':
      live();
      return true;
    case 'Escape':
      clear();
      return true;
    default:
      return false;
  }
}
