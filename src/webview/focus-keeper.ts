// Keeps the focus where keys do something. The editor gives it to the page as a whole, and a control that goes away
// leaves it to the page: from there keys lead nowhere, and nothing shows where one is.

const controls = 'button, input, select, [tabindex="0"]';

export class FocusKeeper {
  readonly #entries: readonly HTMLElement[];
  /** What had the focus last, and what it lies in, from the inside to the outside. */
  #path: readonly Element[] = [];
  /** The page was given the focus when there was nothing yet to have it. */
  #isWanting = document.hasFocus();

  /** `entries`: where the focus goes when it has not been anywhere yet; the first that is on show. */
  constructor(entries: readonly HTMLElement[]) {
    this.#entries = entries;
    document.addEventListener('focusin', ({ target }) => {
      if (target instanceof Element && target !== document.body) this.#path = pathFrom(target);
    });
    window.addEventListener('focus', () => {
      if (document.activeElement === document.body) this.#restore();
    });
    // Whatever a control does when it is pressed has been done then.
    document.addEventListener('click', () => queueMicrotask(() => this.check()));
  }

  /** Looks whether what had the focus is gone; to be called when something may have gone away. */
  check(): void {
    const [last] = this.#path;
    const isGone = last !== undefined && !canHaveFocus(last);
    if ((isGone || this.#isWanting) && document.hasFocus()) this.#restore();
  }

  #restore(): void {
    const target = nearest(this.#path) ?? this.#entries.flatMap(controlsIn).find(canHaveFocus);
    target?.focus();
    this.#isWanting = target === undefined;
  }
}

/** What had the focus, or beside it what one walks through, such as the table, or the first control that is left. */
function nearest(path: readonly Element[]): HTMLElement | undefined {
  for (const place of path) {
    const left = controlsIn(place).filter(canHaveFocus);
    const found = left.find((each) => each.hasAttribute('tabindex')) ?? left[0];
    if (found !== undefined) return found;
  }
  return undefined;
}

function controlsIn(place: Element): HTMLElement[] {
  const inside = [...place.querySelectorAll<HTMLElement>(controls)];
  return place instanceof HTMLElement && place.matches(controls) ? [place, ...inside] : inside;
}

function canHaveFocus(control: Element): boolean {
  return control.isConnected && control.checkVisibility() && !control.matches(':disabled');
}

function pathFrom(element: Element): Element[] {
  const path = [];
  for (let each: Element | null = element; each !== null && each !== document.body; each = each.parentElement)
    path.push(each);
  return path;
}
