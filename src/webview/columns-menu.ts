// The list of columns: which are on show, and their order.
import { defaultPreferences, type ColumnLayout } from '../shared/panel-preferences';
import { iconButton, Popover, textButton } from './buttons';
import { movedTo, orderedColumns, withVisibility } from './column-layout';
import { columns } from './columns';
import { element } from './dom';
import { t } from './l10n';

export class ColumnsMenu {
  readonly #popover: Popover;
  readonly #change: (layout: ColumnLayout) => void;
  #layout: ColumnLayout;

  constructor(layout: ColumnLayout, change: (layout: ColumnLayout) => void) {
    this.#layout = layout;
    this.#change = change;
    this.#popover = new Popover('columns', t('Columns'), () => this.#content());
  }

  get element(): HTMLElement {
    return this.#popover.element;
  }

  setLayout(layout: ColumnLayout): void {
    this.#layout = layout;
    this.#popover.refresh();
  }

  #content(): HTMLElement[] {
    const ordered = orderedColumns(columns, this.#layout);
    const rows = ordered.map(({ id, name: title, description }, index) => {
      const box = element('input', { attributes: { type: 'checkbox', 'data-name': `show ${id}` } });
      box.checked = !this.#layout.hidden.includes(id);
      box.addEventListener('change', () => this.#set(withVisibility(this.#layout, id, box.checked)));
      const move = (name: 'up' | 'down', label: string): HTMLElement => {
        const target = ordered[index + (name === 'up' ? -1 : 1)];
        const button = iconButton(name, label, () => {
          if (target) this.#set(movedTo(columns, this.#layout, id, target.id, name === 'down'));
        });
        button.disabled = target === undefined;
        button.dataset['name'] = `${name} ${id}`;
        return button;
      };
      return element('li', {
        class: 'popover-row',
        children: [
          element('label', {
            attributes: { title: description },
            children: [box, element('span', { text: title })],
          }),
          move('up', t('Move {0} forward', title)),
          move('down', t('Move {0} back', title)),
        ],
      });
    });
    return [
      element('ul', { class: 'popover-list', children: rows }),
      textButton(t('Reset Columns'), () => this.#set(defaultPreferences.columns)),
    ];
  }

  #set(layout: ColumnLayout): void {
    this.#layout = layout;
    this.#change(layout);
    this.#popover.refresh();
  }
}
