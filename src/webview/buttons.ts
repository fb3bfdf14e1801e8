// Buttons of the toolbars, and lists that open below them.
import { element, setAttribute } from './dom';
import { icon, type IconName } from './icons';

/** A button that is a picture, with its name for tooltip and readers. */
export function iconButton(name: IconName, label: string, pressed: () => void): HTMLButtonElement {
  const button = element('button', {
    class: 'icon-button',
    attributes: { type: 'button', title: label, 'aria-label': label },
    children: [icon(name)],
  });
  button.addEventListener('click', pressed);
  return button;
}

/** Gives a button another picture and name. */
export function setIcon(button: HTMLButtonElement, name: IconName, label: string): void {
  if (button.getAttribute('aria-label') === label) return;
  setAttribute(button, 'title', label);
  setAttribute(button, 'aria-label', label);
  button.replaceChildren(icon(name));
}

/** A button with words. */
export function textButton(text: string, pressed: () => void, style = 'button secondary'): HTMLButtonElement {
  const button = element('button', { class: style, text, attributes: { type: 'button' } });
  button.addEventListener('click', pressed);
  return button;
}

/** A list of which one is chosen. */
export function makeChoice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
): HTMLSelectElement {
  return element('select', {
    attributes: { 'aria-label': label, title: label },
    children: options.map(([value, text]) => element('option', { text, attributes: { value } })),
  });
}

/** Pixels below which a pane opens where there is more room. */
const smallestRoom = 200;

/** A button that opens a small pane below it. Escape, or the focus leaving it, closes it. */
export class Popover {
  readonly element: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #pane: HTMLElement;
  readonly #fill: () => readonly HTMLElement[];

  /** `fill`: what is in the pane, made whenever it opens and when `refresh` is called. */
  constructor(name: IconName, label: string, fill: () => readonly HTMLElement[]) {
    this.#fill = fill;
    this.#button = iconButton(name, label, () => this.#toggle());
    this.#pane = element('div', { class: 'popover', attributes: { role: 'dialog', 'aria-label': label } });
    this.#pane.hidden = true;
    setAttribute(this.#button, 'aria-haspopup', 'dialog');
    setAttribute(this.#button, 'aria-expanded', 'false');
    this.element = element('div', { class: 'popover-anchor', children: [this.#button, this.#pane] });
    this.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.#pane.hidden) return;
      event.stopPropagation();
      this.close();
      this.#button.focus();
    });
    this.element.addEventListener('focusout', (event) => {
      if (event.relatedTarget instanceof Node && !this.element.contains(event.relatedTarget)) this.close();
    });
    document.addEventListener('pointerdown', (event) => {
      if (event.target instanceof Node && !this.element.contains(event.target)) this.close();
    });
  }

  /** Makes the content anew while it is open; the focus stays on the control of the same name. */
  refresh(): void {
    if (this.#pane.hidden) return;
    const focused = document.activeElement?.getAttribute('data-name');
    this.#pane.replaceChildren(...this.#fill());
    if (focused == null) return;
    for (const control of this.#pane.querySelectorAll('[data-name]')) {
      if (!(control instanceof HTMLElement) || control.dataset['name'] !== focused) continue;
      // What cannot be pressed any more has its row's box beside it.
      const isDisabled = control.matches(':disabled');
      (isDisabled ? control.closest('li')?.querySelector('input') : control)?.focus();
    }
  }

  close(): void {
    this.#pane.hidden = true;
    setAttribute(this.#button, 'aria-expanded', 'false');
  }

  #toggle(): void {
    if (!this.#pane.hidden) {
      this.close();
      return;
    }
    this.#pane.hidden = false;
    setAttribute(this.#button, 'aria-expanded', 'true');
    this.#pane.replaceChildren(...this.#fill());
    this.#pane.querySelector<HTMLElement>('button, input')?.focus();
    // Where the room is: left or right, below or above.
    const { right, top, bottom } = this.#button.getBoundingClientRect();
    const below = window.innerHeight - bottom - 12;
    const upwards = below < smallestRoom && top > below;
    this.#pane.classList.toggle('to-the-right', right < 240);
    this.#pane.classList.toggle('upwards', upwards);
    this.#pane.style.maxHeight = `${Math.max(smallestRoom / 2, upwards ? top - 12 : below)}px`;
  }
}
