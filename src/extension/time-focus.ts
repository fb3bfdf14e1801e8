// The stretch of time that the user looks at: chosen in the panel's chart, followed by the tree.
import * as vscode from 'vscode';
import type { TimeRange } from '../shared/traffic-history';

export class TimeFocus implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<TimeRange | undefined>();
  #range: TimeRange | undefined;

  readonly onDidChange = this.#changed.event;

  /** `undefined` while the whole time counts. */
  get range(): TimeRange | undefined {
    return this.#range;
  }

  set(range: TimeRange | undefined): void {
    const isSame = range?.fromMillis === this.#range?.fromMillis && range?.toMillis === this.#range?.toMillis;
    if (isSame) {
      return;
    }
    this.#range = range;
    this.#changed.fire(range);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
