// The shop's end of the conversation with the warehouse: one TCP connection that stays open, questions
// answered in order.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

export class WarehouseClient {
  /** Those who wait for an answer, the longest waiting first. */
  #waiting = [];
  #connection;

  /** @param {number} port */
  constructor(port) {
    this.#connection = connect(port, '127.0.0.1');
    createInterface({ input: this.#connection }).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line));
    });
    this.#connection.on('error', (error) => this.#fail(error));
    this.#connection.on('close', () => this.#fail(new Error('the warehouse hung up')));
  }

  /**
   * @param {object} question see `answer` in warehouse.mjs
   * @returns {Promise<any>} its answer
   */
  ask(question) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#connection.write(`${JSON.stringify(question)}\n`);
    });
  }

  close() {
    this.#connection.destroy();
  }

  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
