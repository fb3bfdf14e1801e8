// The line above the table: the filter, what is wrong with it, and filters that were saved.
import { filterKeys, parseFilter, type FilterPredicate, type FilterProblem } from '../shared/filter-language';
import { maximumFilterLength, maximumSavedFilters, type SavedFilter } from '../shared/panel-preferences';
import { sanitise } from '../shared/sanitise';
import { iconButton, Popover, textButton } from './buttons';
import { element, setAttribute, setText } from './dom';
import { t } from './l10n';

/** Filters on offer before the user has saved any. */
const suggestions = (): readonly SavedFilter[] => [
  { name: t('Failed'), text: 'is:failed' },
  { name: t('Active now'), text: 'is:active' },
  { name: t('Not on this machine'), text: '-address:127.0.0.1 -address:::1 is:open' },
  { name: t('More than 1 MB'), text: 'size:>1M' },
];

export interface FilterEvents {
  /** `undefined`: everything matches, or the filter is not understood. */
  filter: (text: string, matches: FilterPredicate | undefined) => void;
  saved: (filters: SavedFilter[]) => void;
}

export class FilterBar {
  readonly element: HTMLElement;
  readonly #input = element('input', {
    class: 'filter',
    attributes: {
      type: 'search',
      placeholder: t('Filter, such as: host:example.org -proto:udp size:>1M'),
      'aria-label': t('Filter connections'),
      'aria-describedby': 'filter-problem',
      title: t(
        'Words and key:value, all of which have to hold; - before one negates it. Keys: {0}',
        filterKeys.join(', '),
      ),
      spellcheck: 'false',
      maxlength: String(maximumFilterLength),
    },
  });
  readonly #problem = element('span', {
    class: 'filter-problem',
    attributes: { id: 'filter-problem', role: 'status' },
  });
  readonly #popover: Popover;
  readonly #events: FilterEvents;
  #saved: readonly SavedFilter[];

  constructor(
    text: string,
    saved: readonly SavedFilter[],
    events: FilterEvents,
    others: readonly HTMLElement[],
  ) {
    this.#saved = saved;
    this.#events = events;
    this.#input.value = text;
    this.#input.addEventListener('input', () => this.#changed());
    this.#popover = new Popover('bookmark', t('Saved Filters'), () => this.#content());
    this.element = element('div', {
      class: 'filter-bar',
      children: [this.#input, this.#problem, this.#popover.element, ...others],
    });
  }

  /** Sets the filter as if it had been typed. */
  set(text: string): void {
    this.#input.value = text;
    this.#changed();
  }

  focus(): void {
    this.#input.focus();
    this.#input.select();
  }

  #changed(): void {
    const text = this.#input.value;
    const parsed = parseFilter(text);
    setText(this.#problem, parsed.ok ? '' : problemText(parsed.problem));
    setAttribute(this.#input, 'aria-invalid', parsed.ok ? undefined : 'true');
    this.#events.filter(text, parsed.ok && !parsed.isEmpty ? parsed.matches : undefined);
  }

  #content(): HTMLElement[] {
    const apply = ({ text }: SavedFilter): void => {
      this.set(text);
      this.#popover.close();
      this.#input.focus();
    };
    const button = (filter: SavedFilter): HTMLElement => {
      const made = textButton(sanitise(filter.name), () => apply(filter), 'popover-choice');
      made.append(element('span', { class: 'popover-detail', text: sanitise(filter.text) }));
      return made;
    };
    const rows = this.#saved.map((filter) =>
      element('li', {
        class: 'popover-row',
        children: [
          button(filter),
          iconButton('close', t('Remove the filter {0}', sanitise(filter.name)), () =>
            this.#keep(this.#saved.filter((each) => each !== filter)),
          ),
        ],
      }),
    );
    const offered = suggestions().map((filter) =>
      element('li', { class: 'popover-row', children: [button(filter)] }),
    );
    return [
      ...this.#saveForm(),
      ...(rows.length > 0 ? [element('ul', { class: 'popover-list', children: rows })] : []),
      element('ul', {
        class: 'popover-list',
        attributes: { 'aria-label': t('Suggestions') },
        children: offered,
      }),
    ];
  }

  #saveForm(): HTMLElement[] {
    const text = this.#input.value.trim();
    const isSaved = this.#saved.some((filter) => filter.text === text);
    if (text === '' || isSaved || !parseFilter(text).ok || this.#saved.length >= maximumSavedFilters)
      return [];
    const name = element('input', {
      class: 'filter-name',
      attributes: {
        type: 'text',
        'aria-label': t('Name of the filter'),
        maxlength: '64',
        'data-name': 'name',
      },
    });
    name.value = text.slice(0, 64);
    const form = element('form', {
      class: 'popover-row',
      children: [
        name,
        element('button', { class: 'button', text: t('Save Filter'), attributes: { type: 'submit' } }),
      ],
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#keep([...this.#saved, { name: name.value.trim() || text.slice(0, 64), text }]);
    });
    return [form];
  }

  #keep(saved: SavedFilter[]): void {
    this.#saved = saved;
    this.#events.saved(saved);
    this.#popover.refresh();
  }
}

function problemText({ kind, term }: FilterProblem): string {
  const shown = sanitise(term, 64);
  switch (kind) {
    case 'no-number':
      return t('“{0}”: a number is missing, such as 80, >1M or 8000-8999.', shown);
    case 'unknown-condition':
      return t('“{0}”: try is:failed, is:active, is:open, is:closed, is:listening.', shown);
    case 'no-value':
      return t('“{0}”: a value is missing.', shown);
  }
}
