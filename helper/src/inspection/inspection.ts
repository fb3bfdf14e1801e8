// Looks at the payload that the kernel half copies: hands each piece to the conversation it belongs to, tells the kernel
// when enough was seen, and brings what comes of it to the flows. It runs after the rights of root were given up.
import type { HostName } from '../../../src/shared/protocol';
import { conversationKey, type Flow } from '../flow';
import { InspectFlag, type Kernel, type PayloadSample } from '../kernel';
import type { ProcessAccount } from '../ledger';
import type { FlowNames } from '../names/flow-names';
import type { Fact } from '../protocols/detection';
import { Conversation } from './conversation';

/** Conversations that are known at once. */
const maximumConversations = 16_384;
/** Conversations that look at payload at once: each may hold some kilobytes meanwhile. */
const maximumActive = 1_024;
/** Facts of all conversations that wait for their flow, which the next read of the pool brings. */
const maximumWaiting = 4_096;
/** A conversation whose flow does not turn up is forgotten. */
const homelessNanos = 30e9;
/** Messages beyond the first bytes that are copied a second, over all flows: a fraction of a per cent of a processor. */
const messagesPerSecond = 500;
/** ... of one flow. */
const messagesPerFlow = 100;

/** Finds what the sampler knows. */
export interface FlowFinder {
  /** The flow in a slot of the pool, when it is known. */
  flowIn(slot: number): Flow | undefined;
}

export interface InspectionOptions {
  kernel: Kernel;
  names: FlowNames;
  /** The account of a process whose payload may be looked at; undefined for all others. */
  inspected: (pid: number) => ProcessAccount | undefined;
  /** Told once of a conversation that could not be followed, which is a defect. */
  onError?: (error: Error) => void;
  /** `maximumConversations` when absent. */
  conversations?: number;
}

export class Inspection {
  readonly #conversations = new Map<string, Conversation>();
  /** Those that look at payload, the one that did so longest ago first. */
  readonly #active = new Map<string, Conversation>();
  /** When conversations without a flow were first seen. */
  readonly #homeless = new Map<string, number>();
  #waiting = 0;
  #refilledNanos = 0;
  #finder: FlowFinder | undefined;
  #failureReported = false;
  /** Conversations and facts that there was no room for. */
  dropped = 0;

  constructor(private readonly options: InspectionOptions) {}

  /** To be called once, before anything else. */
  useFinder(finder: FlowFinder): void {
    this.#finder = finder;
  }

  /** Takes pieces of payload in. None is kept. */
  take(samples: readonly PayloadSample[]): void {
    for (const sample of samples) this.#takeOne(sample);
  }

  /** Takes in what the kernel did not hand out by itself. To be called before the flows are read. */
  collect(): void {
    // As many rounds as the ring can hold records; what comes meanwhile is for the next time.
    for (let round = 0; round < 16; round++) {
      const samples = this.options.kernel.collectSamples();
      this.take(samples);
      if (samples.length === 0) return;
    }
  }

  /** A flow is new. */
  opened(flow: Flow): void {
    const conversation = this.#conversations.get(flow.conversationKey);
    if (conversation !== undefined) this.#attach(conversation, flow);
  }

  /** A flow has ended. */
  ended(flow: Flow): void {
    const { conversation } = flow;
    conversation?.flows.delete(flow);
    if (conversation?.flows.size === 0) this.#forget(conversation);
  }

  /** Gives flows new credit for messages, and forgets what found no flow. To be called now and then. */
  tidy(now: number): void {
    for (const [key, sinceNanos] of this.#homeless) {
      if (now - sinceNanos < homelessNanos) break;
      const conversation = this.#conversations.get(key);
      if (conversation !== undefined) this.#forget(conversation);
    }
    if (now - this.#refilledNanos < 1e9) return;
    this.#refilledNanos = now;
    const wanting = [...this.#active.values()].filter((conversation) => conversation.wantsMessages);
    const credit = Math.ceil(messagesPerSecond / Math.max(1, wanting.length));
    for (const conversation of wanting) this.#instruct(conversation, Math.min(credit, messagesPerFlow));
  }

  /** The name of the remote end of a flow, as well as it is known. */
  hostOf(flow: Flow, now: number): HostName | undefined {
    flow.host ??= this.options.names.find(flow, now) ?? null;
    return flow.host ?? undefined;
  }

  #takeOne(sample: PayloadSample): void {
    const account = this.options.inspected(sample.processId);
    if (account === undefined) {
      this.options.kernel.inspectFlow(sample.slot, sample.socketCookie, doneBits, 0);
      return;
    }
    const conversation = this.#conversationOf(sample);
    if (conversation === undefined) return;
    const { detection } = conversation;
    const facts = conversation.take(sample);
    for (const fact of facts) {
      this.#learnNames(account, fact, conversation.detection?.application === 'mdns');
      this.#tell(conversation, fact);
    }
    if (conversation.detection !== detection) {
      for (const flow of conversation.flows) {
        for (const observer of flow.account.observers) observer.flowChanged(flow);
      }
    }
    const isNewSlot = !conversation.slots.has(sample.slot);
    conversation.slots.add(sample.slot);
    if (conversation.wants !== conversation.wanted || (isNewSlot && conversation.wants !== 0)) {
      conversation.wanted = conversation.wants;
      this.#instruct(conversation, conversation.wantsMessages ? messagesPerFlow : 0);
    }
    if (conversation.wanted === doneBits) this.#conclude(conversation);
  }

  #conversationOf(sample: PayloadSample): Conversation | undefined {
    const key = conversationKey(sample);
    let conversation = this.#conversations.get(key);
    if (conversation === undefined) {
      if (this.#conversations.size >= (this.options.conversations ?? maximumConversations)) {
        this.dropped += 1;
        this.options.kernel.inspectFlow(sample.slot, sample.socketCookie, doneBits, 0);
        return undefined;
      }
      conversation = new Conversation(key, sample.socketCookie, sample, (error) => this.#noteFailure(error));
      this.#conversations.set(key, conversation);
      const flow = this.#finder?.flowIn(sample.slot);
      if (flow?.conversationKey === key) this.#attach(conversation, flow);
      else this.#homeless.set(key, sample.nanos);
    }
    if (!conversation.active) return conversation;
    // The map is in the order of use.
    this.#active.delete(key);
    this.#active.set(key, conversation);
    if (this.#active.size > maximumActive) {
      const [stalest] = this.#active.values();
      if (stalest !== undefined) {
        this.dropped += 1;
        this.#conclude(stalest);
        stalest.wanted = doneBits;
        this.#instruct(stalest, 0);
      }
    }
    return conversation;
  }

  /** What a parser says of its failure may hold what it has read: only the kind of failure is told. */
  #noteFailure(error: unknown): void {
    this.dropped += 1;
    if (this.#failureReported) return;
    this.#failureReported = true;
    const kind = error instanceof Error ? error.name : typeof error;
    this.options.onError?.(
      new Error(
        `What is spoken on a connection could not be worked out (${kind}); its traffic is counted. ` +
          'This is a defect: please report it.',
      ),
    );
  }

  #attach(conversation: Conversation, flow: Flow): void {
    conversation.flows.add(flow);
    flow.conversation = conversation;
    this.#homeless.delete(conversation.key);
    for (const observer of flow.account.observers) observer.flowChanged(flow);
    this.#waiting -= conversation.waiting.length;
    for (const fact of conversation.waiting.splice(0)) this.#tell(conversation, fact);
  }

  #tell(conversation: Conversation, fact: Fact): void {
    const [flow] = conversation.flows;
    if (flow === undefined) {
      if (this.#waiting < maximumWaiting && conversation.keep(fact)) this.#waiting += 1;
      else this.dropped += 1;
      return;
    }
    for (const observer of flow.account.observers) observer.factTold(flow, fact);
  }

  #learnNames(account: ProcessAccount, fact: Fact, multicast: boolean): void {
    if (fact.kind !== 'dns-exchange' || (fact.requestedBy !== 'local' && !multicast)) return;
    const answeredNanos = fact.nanos + (fact.latencyNanos ?? 0);
    this.options.names.answered.learn(account, fact, multicast ? 'mdns' : 'dns', answeredNanos);
  }

  #instruct(conversation: Conversation, messageCredit: number): void {
    for (const slot of conversation.slots) {
      this.options.kernel.inspectFlow(slot, conversation.socketCookie, conversation.wanted, messageCredit);
    }
  }

  #conclude(conversation: Conversation): void {
    conversation.conclude();
    this.#active.delete(conversation.key);
  }

  #forget(conversation: Conversation): void {
    this.#conclude(conversation);
    this.#waiting -= conversation.waiting.length;
    this.#conversations.delete(conversation.key);
    this.#homeless.delete(conversation.key);
  }
}

const doneBits = InspectFlag.SentDone | InspectFlag.ReceivedDone;
