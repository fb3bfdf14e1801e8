// Where the keys go in the editor's window, across its frames, and whether a person can see that.
import type { Page } from 'playwright-core';

export interface KeyboardFocus {
  role: string;
  /** As a screen reader says it, of the control itself. */
  name: string;
  /** Text of the row or cell that the keys are on within the control. */
  item: string;
  /** Value that a slider tells. */
  value: string;
  /** A frame is drawn around the control or the item. */
  isVisible: boolean;
}

/** What has the focus now. */
export async function keyboardFocus(page: Page): Promise<KeyboardFocus> {
  let frame = page.mainFrame();
  for (;;) {
    const handle = await frame.evaluateHandle(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      return element;
    });
    const element = handle.asElement();
    if (element === null) throw new Error('Nothing has the focus, not even the page.');
    const inner = await element.contentFrame();
    if (inner === null) return element.evaluate(describe);
    frame = inner;
  }
}

/** Runs in the page. */
function describe(control: Element): KeyboardFocus {
  const roles: Record<string, string> = { BUTTON: 'button', SELECT: 'combobox', BODY: '' };
  const active = control.getAttribute('aria-activedescendant');
  const root = control.getRootNode() as Document | ShadowRoot;
  const item = active === null ? null : root.getElementById(active);
  const isFramed = (element: Element | null): boolean => {
    if (element === null) return false;
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
    return outlineStyle !== 'none' && outlineWidth !== '0px' && !outlineColor.endsWith(', 0)');
  };
  const text = (element: Element | null): string => {
    const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
    const said = element?.getAttribute('aria-label') ?? label ?? element?.textContent ?? '';
    return said.trim().replace(/\s+/g, ' ').slice(0, 200);
  };
  return {
    role:
      control.getAttribute('role') ??
      (control instanceof HTMLInputElement ? control.type : undefined) ??
      roles[control.tagName] ??
      control.tagName.toLowerCase(),
    name: text(control),
    item: text(item),
    value: control.getAttribute('aria-valuetext') ?? '',
    isVisible: isFramed(control) || isFramed(item),
  };
}
