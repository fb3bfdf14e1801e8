// Requests of a connection that wait for their answers, in order or by stream.
import type { HttpExchangeFact } from './detection';

/** More requests in flight than that are no longer told apart: the oldest is given up. */
const maximumWaiting = 128;

export class WaitingExchanges {
  readonly #waiting = new Map<number, HttpExchangeFact>();

  add(exchange: HttpExchangeFact): void {
    const oldest = this.#waiting.keys().next();
    if (this.#waiting.size >= maximumWaiting && oldest.done !== true) this.#waiting.delete(oldest.value);
    this.#waiting.set(exchange.id, exchange);
  }

  get(id: number): HttpExchangeFact | undefined {
    return this.#waiting.get(id);
  }

  /** The one that waits longest. */
  get oldest(): HttpExchangeFact | undefined {
    return this.#waiting.values().next().value;
  }

  /** Forgets all but the one that was added last. */
  keepNewest(): void {
    const [newest] = [...this.#waiting.values()].slice(-1);
    this.#waiting.clear();
    if (newest !== undefined) this.#waiting.set(newest.id, newest);
  }

  remove(id: number): void {
    this.#waiting.delete(id);
  }
}
