// The stretch of time that the user looks at: chosen in the panel's chart, followed by the tree.
import * as vscode from 'vscode';
import type { TimeRange } from '../shared/traffic-history';

export class TimeFocus implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<TimeRange | undefined>();
  #range: TimeRange | undefined;

  readonly #cleared = new vscode.EventEmitter<void>();

  /** Fires with the new range; `undefined` while the whole time counts. */
  readonly onDidChange = this.#changed.event;
  /** The user let go of the range elsewhere than in the chart. */
  readonly onDidClear = this.#cleared.event;

  set(range: TimeRange | undefined): void {
    const isSame = range?.fromMillis === this.#range?.fromMillis && range?.toMillis === this.#range?.toMillis;
    if (isSame) {
      return;
    }
    this.#range = range;
    this.#changed.fire(range);
  }

  /** Lets go of the range, in the chart too. */
  clear(): void {
    this.set(undefined);
    this.#cleared.fire();
  }

  dispose(): void {
    this.#cleared.dispose();
    this.#changed.dispose();
  }
}
