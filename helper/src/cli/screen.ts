// A live display on a terminal: the alternate screen, redrawn in place, and the terminal as it was afterwards,
// whichever way the process ends.
import type { Output } from './output';

const controlSequence = '\u001b[';
const enter = `${controlSequence}?1049h${controlSequence}?25l`;
const leave = `${controlSequence}?25h${controlSequence}?1049l`;
const home = `${controlSequence}H`;
/** Ahead of the text: at the last column it would take the last character away. */
const clearLine = `${controlSequence}2K`;
const clearBelow = `${controlSequence}J`;

export class LiveScreen {
  #active = false;
  readonly #output: Output;
  readonly #redraw: () => void;
  readonly #restore = (): void => this.close();
  readonly #suspend = (): void => {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  };
  readonly #resume = (): void => {
    if (this.#active) this.#output.write(enter);
    this.#redraw();
  };

  /** @param redraw called when the size changed and when the process was continued: is to call `draw` */
  constructor(output: Output, redraw: () => void) {
    this.#output = output;
    this.#redraw = redraw;
    output.onResize(() => {
      if (this.#active) this.#redraw();
    });
  }

  open(): void {
    this.#active = true;
    this.#output.write(enter);
    // Before the listener of rights.ts, which ends the process.
    process.prependListener('exit', this.#restore);
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#resume);
  }

  /** Replaces what is shown. The lines must fit the window. */
  draw(lines: readonly string[]): void {
    if (!this.#active) return;
    this.#output.write(home + lines.map((line) => clearLine + line).join('\r\n') + clearBelow);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#leave();
    process.off('exit', this.#restore);
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#resume);
  }

  #leave(): void {
    this.#output.write(leave);
  }
}
