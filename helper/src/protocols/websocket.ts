// WebSocket, after its upgrade; and the debugging protocol of Node.js and Chrome that travels in it.
import { applications, type ApplicationId } from './applications';
import { byteAt, latin1 } from './bytes';
import type { Certainty, Detection, Fact } from './detection';
import { Prefix } from './prefix';
import type { Follower, FollowerSetting, Piece, Side } from './opening';

/** Bytes of each side that are looked at for a message of the debugging protocol. */
const lookedAt = 256;

/** Paths that Chrome gives to what it lets debug, and the one that Node.js gives to itself: an id alone. */
const chromePath = /^\/devtools\/(page|browser|inspector|worker|shared_worker|service_worker)\b/;
const nodePath = /^\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** A call or an event, `Domain.name`. */
const debuggingMessage = /^\{.{0,100}"method":\s*"[A-Z][A-Za-z]{2,30}\.[a-z][A-Za-z]{2,40}"/;
const debuggingAnswer = /^\{"id":\d{1,10},"(result|error)":\{/;

export class WebSocketFollower implements Follower {
  #detection: Detection;
  readonly #first = { client: new Prefix(lookedAt), server: new Prefix(lookedAt) };
  #ended = { client: false, server: false };
  readonly #debugger: ApplicationId | undefined;

  /** @param options.path that was asked for; @param options.detection of the request */
  constructor(_setting: FollowerSetting, { path, detection }: { path: string; detection: Detection }) {
    const isDebugger =
      detection.application === 'node-inspector' || detection.application === 'chrome-devtools';
    this.#debugger = chromePath.test(path)
      ? 'chrome-devtools'
      : nodePath.test(path)
        ? 'node-inspector'
        : isDebugger
          ? detection.application
          : undefined;
    const host = detection.host === undefined ? {} : { host: detection.host };
    this.#detection = {
      application: 'websocket',
      label: applications.websocket,
      certainty: 'certain',
      ...host,
    };
    if (this.#debugger !== undefined)
      this.#tell(this.#debugger, this.#debugger === 'chrome-devtools' ? 'certain' : 'likely');
  }

  get detection(): Detection {
    return this.#detection;
  }

  feed(side: Side, { bytes, truncated }: Piece, _facts: Fact[]): void {
    if (this.isDone(side) || bytes.length === 0) return;
    const first = this.#first[side];
    const text = firstText(first.add(bytes));
    this.#ended[side] = first.full || truncated;
    if (debuggingMessage.test(text)) {
      if (this.#debugger !== undefined) this.#tell(this.#debugger, 'certain');
      else this.#tell('chrome-devtools', 'likely');
      this.#ended = { client: true, server: true };
    } else if (debuggingAnswer.test(text) && this.#debugger !== undefined) {
      this.#tell(this.#debugger, 'certain');
      this.#ended = { client: true, server: true };
    }
    for (const end of ['client', 'server'] as const) if (this.#ended[end]) this.#first[end].clear();
  }

  isDone(side: Side): boolean {
    return this.#ended[side];
  }

  #tell(application: ApplicationId, certainty: Certainty): void {
    this.#detection = { ...this.#detection, application, label: applications[application], certainty };
  }
}

/** The first characters of a text message at the start of a piece; empty where there is none. */
function firstText(bytes: Uint8Array): string {
  // An uncompressed text message, whole or its first part.
  if ((byteAt(bytes, 0) & 0x7f) !== 1) return '';
  const second = byteAt(bytes, 1);
  const masked = second >= 0x80;
  const short = second & 0x7f;
  const mask = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
  const start = mask + (masked ? 4 : 0);
  if (!masked) return latin1(bytes, start, start + lookedAt);
  const end = Math.min(bytes.length, start + lookedAt);
  let text = '';
  for (let at = start; at < end; at += 1)
    text += String.fromCharCode(byteAt(bytes, at) ^ byteAt(bytes, mask + ((at - start) % 4)));
  return text;
}
