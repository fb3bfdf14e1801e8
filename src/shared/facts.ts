// What was said on a connection, in words and grouped: the same request again and again is one line.
import { formatCount, formatMicroseconds } from './format';
import type { DnsExchangeFact, FlowFact, HttpExchangeFact } from './protocol';
import { sanitise } from './sanitise';
import { english, type Texts } from './texts';

type ExchangeFact = HttpExchangeFact | DnsExchangeFact;

/** Groups of requests that are kept of one connection, and other facts: the newest. */
const maximumGroups = 32;
const maximumOthers = 16;
/** Requests whose answer may yet come; a later fact about one of them replaces what it was before. */
const maximumOpen = 64;

/** One fact in a line of plain text. */
export function describeFact(fact: FlowFact, texts = english): string {
  const { t } = texts;
  switch (fact.kind) {
    case 'http-exchange':
    case 'dns-exchange':
      return [requestOf(fact), outcomeOf(fact, texts), timeOf(fact, texts)]
        .filter((part) => part !== '')
        .join(' ');
    case 'tls-handshake':
      return t('TLS handshake in {0}', formatMicroseconds(fact.durationMicros));
    case 'tls-alert':
      return bySide(
        fact.from,
        fact.alert === undefined
          ? sanitise(fact.meaning, 128)
          : t('{0} (TLS alert {1})', sanitise(fact.meaning, 128), sanitise(fact.alert, 64)),
        texts,
      );
    case 'software':
      return fact.of === 'local'
        ? t('this end is {0}', sanitise(fact.name, 64))
        : t('the other end is {0}', sanitise(fact.name, 64));
    case 'refused':
      return bySide(fact.by, `${sanitise(fact.meaning, 128)} (${sanitise(fact.code, 32)})`, texts);
  }
}

/** `what`: a verb and what belongs to it, in English as the helper says it. */
function bySide(which: 'local' | 'remote', what: string, { t }: Texts): string {
  return which === 'local' ? t('this end {0}', what) : t('the other end {0}', what);
}

/** What was asked for, such as `GET /users` or `AAAA example.org`. */
function requestOf(fact: ExchangeFact): string {
  return fact.kind === 'http-exchange'
    ? `${sanitise(fact.method, 32)} ${sanitise(fact.path)}`
    : `${sanitise(fact.recordType, 16)} ${sanitise(fact.question)}`;
}

/** What came of it, such as `→ 404` or `→ NXDOMAIN`; empty while there is no answer. */
function outcomeOf(fact: ExchangeFact, { t } = english): string {
  if (fact.kind === 'dns-exchange') {
    if (fact.answerCode === undefined) return '';
    const [first, ...others] = fact.answers ?? [];
    if (fact.answerCode !== 'NOERROR' || first === undefined) return `→ ${sanitise(fact.answerCode, 32)}`;
    return `→ ${others.length === 0 ? sanitise(first) : t('{0} and {1} more', sanitise(first), formatCount(others.length))}`;
  }
  if (fact.status === undefined) return '';
  const grpc = fact.grpcStatus === undefined ? '' : ` (gRPC ${String(fact.grpcStatus)})`;
  return `→ ${String(fact.status)}${grpc}`;
}

function timeOf({ latencyMicros }: ExchangeFact, { t }: Texts): string {
  return latencyMicros === undefined ? '' : t('in {0}', formatMicroseconds(latencyMicros));
}

/** Whether the answer says that the request failed. */
function isFailure(fact: ExchangeFact): boolean {
  return fact.kind === 'http-exchange'
    ? (fact.status ?? 0) >= 400 || (fact.grpcStatus ?? 0) > 0
    : fact.answerCode !== undefined && fact.answerCode !== 'NOERROR';
}

/** The same request, however often it was made. Latencies are to the first byte of the answer, in microseconds. */
export interface RequestGroup {
  request: string;
  /** As often as it was asked, answered or not. */
  count: number;
  answered: number;
  failed: number;
  /** What came of the last one. */
  outcome: string;
  /** Sum over the answered ones whose latency is known; 0 where none is. */
  latencyMicros: number;
  timed: number;
  slowestMicros: number;
}

/** The facts of one connection, within bounds. */
export class ConnectionFacts {
  readonly #groups = new Map<string, RequestGroup>();
  readonly #others: FlowFact[] = [];
  /** Last state of requests that may change yet, by kind and number. */
  readonly #open = new Map<string, ExchangeFact>();
  /** Requests that found no group of their own. */
  further = 0;

  add(fact: FlowFact): void {
    if (fact.kind !== 'http-exchange' && fact.kind !== 'dns-exchange') {
      this.#others.push(fact);
      if (this.#others.length > maximumOthers) this.#others.shift();
      return;
    }
    const key = `${fact.kind} ${String(fact.id)}`;
    const before = this.#open.get(key);
    const group = this.#groupOf(fact);
    this.#open.delete(key);
    this.#open.set(key, fact);
    const oldest = this.#open.keys().next();
    if (this.#open.size > maximumOpen && oldest.done !== true) this.#open.delete(oldest.value);
    if (group === undefined) {
      if (before === undefined) this.further += 1;
      return;
    }
    if (before === undefined) group.count += 1;
    const outcome = outcomeOf(fact);
    if (outcome === '' || (before !== undefined && outcomeOf(before) !== '')) return;
    group.outcome = outcome;
    group.answered += 1;
    group.failed += isFailure(fact) ? 1 : 0;
    if (fact.latencyMicros === undefined) return;
    group.timed += 1;
    group.latencyMicros += fact.latencyMicros;
    group.slowestMicros = Math.max(group.slowestMicros, fact.latencyMicros);
  }

  /** In the order in which they were first made. */
  get groups(): readonly RequestGroup[] {
    return [...this.#groups.values()];
  }

  /** Handshakes, alerts and the like, oldest first. */
  get others(): readonly FlowFact[] {
    return this.#others;
  }

  /**
   * The lines that tell most: what failed and the slow ones stay where they are, since the order is that of time.
   * @param maximum lines; the last one says what is left out
   */
  lines(maximum: number, texts = english): string[] {
    const { plural } = texts;
    const lines = [
      ...this.#others.map((fact) => describeFact(fact, texts)),
      ...this.groups.map((group) => describeGroup(group, texts)),
      ...(this.further > 0 ? [plural(this.further, '{0} further request', '{0} further requests')] : []),
    ];
    if (lines.length <= maximum) return lines;
    const kept = Math.max(0, maximum - 1);
    return [...lines.slice(0, kept), plural(lines.length - kept, '… {0} more line', '… {0} more lines')];
  }

  #groupOf(fact: ExchangeFact): RequestGroup | undefined {
    const request = requestOf(fact);
    let group = this.#groups.get(request);
    if (group === undefined && this.#groups.size < maximumGroups) {
      group = {
        ...{ request, count: 0, answered: 0, failed: 0, outcome: '' },
        ...{ latencyMicros: 0, timed: 0, slowestMicros: 0 },
      };
      this.#groups.set(request, group);
    }
    return group;
  }
}

/** A group in a line: `GET /users → 200, 12 times, 1 failed, 3.4 ms on average, 20 ms at most`. */
export function describeGroup(group: RequestGroup, { t, plural } = english): string {
  const { request, count, failed, outcome, latencyMicros, timed, slowestMicros } = group;
  const parts = [`${request}${outcome === '' ? '' : ` ${outcome}`}`];
  if (count > 1) parts.push(plural(count, '{0} time', '{0} times'));
  if (failed > 0 && count > 1) parts.push(t('{0} failed', formatCount(failed)));
  if (timed === 1) parts.push(formatMicroseconds(slowestMicros));
  if (timed > 1) {
    parts.push(
      t('{0} on average', formatMicroseconds(latencyMicros / timed)),
      t('{0} at most', formatMicroseconds(slowestMicros)),
    );
  }
  return parts.join(', ');
}
