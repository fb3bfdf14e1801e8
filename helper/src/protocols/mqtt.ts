// MQTT 3.1, 3.1.1 and 5: the client begins with CONNECT, which names the protocol and its version.
import { applications } from './applications';
import { byteAt, textAt, uint16 } from './bytes';
import type { Detection, Fact } from './detection';
import { Prefix } from './prefix';
import {
  endOf,
  type Follower,
  type FollowerSetting,
  type Opening,
  type Piece,
  type Side,
  type Verdict,
} from './opening';

const connect = 0x10;
const connectAcknowledgement = 0x20;

/** What a server says when it refuses, by version 3's return code and version 5's reason code. */
const refusals = new Map([
  [0x01, 'does not accept this version of the protocol'],
  [0x02, 'does not accept the client id'],
  [0x03, 'is not available'],
  [0x04, 'does not accept user name or password'],
  [0x05, 'does not let this client in'],
  [0x80, 'refuses without a reason'],
  [0x81, 'got a malformed packet'],
  [0x82, 'found the protocol violated'],
  [0x84, 'does not accept this version of the protocol'],
  [0x85, 'does not accept the client id'],
  [0x86, 'does not accept user name or password'],
  [0x87, 'does not let this client in'],
  [0x88, 'is not available'],
  [0x89, 'is busy'],
  [0x8a, 'has banned the client'],
  [0x8c, 'does not know this way of logging in'],
  [0x90, 'does not accept the topic of the will'],
  [0x95, 'finds the packet too large'],
  [0x97, 'has a quota that is used up'],
  [0x9c, 'wants the client to use another server'],
  [0x9d, 'has moved'],
  [0x9f, 'got too many connections in a short time'],
]);

export function probeMqtt({ client, clientEnded }: Opening): Verdict {
  if (client.length === 0 || byteAt(client, 0) !== connect) return undefined;
  let at = 1;
  while (at < 4 && byteAt(client, at) >= 0x80) at += 1;
  if (at >= client.length) return clientEnded ? undefined : 'more';
  if (byteAt(client, at) >= 0x80) return undefined;
  const name = at + 1;
  const length = uint16(client, name);
  if (length < 0) return clientEnded ? undefined : 'more';
  if (length !== 4 && length !== 6) return undefined;
  const named = textAt(client, name + 2, length === 4 ? 'MQTT' : 'MQIsdp');
  const version = byteAt(client, name + 2 + length);
  if (named === 'no') return undefined;
  if (named === 'more' || version < 0) return clientEnded ? undefined : 'more';
  const label = versionLabels.get(version & 0x7f);
  if (label === undefined) return undefined;
  return {
    application: 'mqtt',
    label,
    certainty: 'certain',
    follow: (setting) => new MqttFollower(setting, label),
  };
}

const versionLabels = new Map([
  [3, 'MQTT 3.1'],
  [4, 'MQTT 3.1.1'],
  [5, 'MQTT 5'],
]);

/** Waits for the server's answer. */
class MqttFollower implements Follower {
  readonly detection: Detection;
  readonly #answer = new Prefix(4);
  #done = false;

  constructor(
    private readonly setting: FollowerSetting,
    label: string = applications.mqtt,
  ) {
    this.detection = { application: 'mqtt', label, certainty: 'certain' };
  }

  feed(side: Side, { bytes, nanos }: Piece, facts: Fact[]): void {
    if (side === 'client' || this.#done) return;
    const start = this.#answer.add(bytes);
    if (!this.#answer.full) return;
    this.#done = true;
    this.#answer.clear();
    const code = byteAt(start, 3);
    if (byteAt(start, 0) !== connectAcknowledgement || code === 0) return;
    facts.push({
      kind: 'refused',
      by: endOf('server', this.setting),
      code: String(code),
      meaning: refusals.get(code) ?? 'refuses with a code that is not known',
      nanos,
    });
  }

  isDone(side: Side): boolean {
    return side === 'client' || this.#done;
  }
}
