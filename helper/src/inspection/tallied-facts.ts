// The facts that one monitor tells in its next sample, in the form in which they go out.
import { type FlowFact, limits } from '../../../src/shared/protocol';
import type { WallClock } from '../clock';
import type { Fact } from '../protocols/detection';

/** Names and addresses of one answer that are told. */
const maximumAnswers = 8;

export class TalliedFacts {
  /** By what they are about: a request and its answer are one fact, told anew. */
  readonly #facts = new Map<string, { flow: number; fact: Fact }>();
  #unnumbered = 0;
  /** Facts that were too many for one sample. */
  dropped = 0;

  constructor(private readonly wallClock: WallClock) {}

  add(flow: number, fact: Fact): void {
    const number = 'id' in fact ? `#${String(fact.id)}` : String(this.#unnumbered++);
    const key = `${String(flow)} ${fact.kind} ${number}`;
    if (this.#facts.size >= limits.facts && !this.#facts.has(key)) this.dropped += 1;
    else this.#facts.set(key, { flow, fact });
  }

  /** What was told since the last call. */
  take(): FlowFact[] {
    const facts = [...this.#facts.values()].map(({ flow, fact }) => this.#convert(flow, fact));
    this.#facts.clear();
    return facts;
  }

  #convert(flow: number, fact: Fact): FlowFact {
    const time = this.wallClock.iso(fact.nanos);
    switch (fact.kind) {
      case 'http-exchange': {
        const { kind, id, requestedBy, version, method, path, host, status, grpcStatus } = fact;
        return {
          ...{ kind, flow, time, id, requestedBy, version, method, path },
          ...(host !== undefined && { host }),
          ...(status !== undefined && { status }),
          ...(grpcStatus !== undefined && { grpcStatus }),
          ...latency(fact.latencyNanos),
        };
      }
      case 'dns-exchange': {
        const { kind, id, requestedBy, question, type, answerCode, answers } = fact;
        return {
          ...{ kind, flow, time, id, requestedBy, question, recordType: type },
          ...(answerCode !== undefined && { answerCode }),
          ...(answers !== undefined && {
            answers: answers.slice(0, maximumAnswers).map(({ value }) => value),
          }),
          ...latency(fact.latencyNanos),
        };
      }
      case 'tls-handshake': {
        const { kind, version, durationNanos } = fact;
        return {
          ...{ kind, flow, time, durationMicros: micros(durationNanos) },
          ...(version !== undefined && { version }),
        };
      }
      case 'tls-alert': {
        const { kind, from, alert, meaning } = fact;
        return { kind, flow, time, from, meaning, ...(alert !== undefined && { alert }) };
      }
      case 'software':
        return { kind: fact.kind, flow, time, of: fact.of, name: fact.name };
      case 'refused':
        return { kind: fact.kind, flow, time, by: fact.by, code: fact.code, meaning: fact.meaning };
    }
  }
}

function micros(nanos: number): number {
  return Math.max(0, Math.round(nanos / 1000));
}

function latency(nanos: number | undefined): { latencyMicros?: number } {
  return nanos === undefined ? {} : { latencyMicros: micros(nanos) };
}
