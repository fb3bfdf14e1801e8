// HTTP requests that were seen on the connections of a session, each with the ends of its connection: what an export
// needs after the connection is gone. Never a query string, header or body: the helper does not tell any.
import type { Endpoint, FlowFact, FlowSample, HttpExchangeFact } from '../../shared/protocol';

/** Requests kept, the newest. */
export const maximumRequests = 5_000;

export interface SeenRequest {
  readonly fact: HttpExchangeFact;
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  /** Name of the other end; absent where it is not known. */
  readonly host?: string;
}

export class RequestLog {
  readonly #requests = new Map<string, SeenRequest>();

  /** In the order in which they were made. */
  get all(): readonly SeenRequest[] {
    return [...this.#requests.values()];
  }

  /** Takes in a fact. A later one about the same request replaces the earlier. */
  add(fact: FlowFact, flow: FlowSample | undefined): void {
    if (fact.kind !== 'http-exchange') return;
    const host = fact.host ?? flow?.host?.name;
    this.restore({
      fact,
      ...(flow === undefined ? {} : { local: flow.local }),
      ...(flow?.remote === undefined ? {} : { remote: flow.remote }),
      ...(host === undefined ? {} : { host }),
    });
  }

  restore(request: SeenRequest): void {
    this.#requests.set(`${String(request.fact.flow)} ${String(request.fact.id)}`, request);
    const oldest = this.#requests.keys().next();
    if (this.#requests.size > maximumRequests && oldest.done !== true) this.#requests.delete(oldest.value);
  }
}
