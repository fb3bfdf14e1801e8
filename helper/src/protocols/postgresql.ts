// PostgreSQL: the client begins with its wish for encryption or with what it wants to connect to.
import { applications } from './applications';
import { byteAt, latin1, textAt, uint32 } from './bytes';
import type { Detection, Fact } from './detection';
import { FrameWalker } from './frame-walker';
import {
  endOf,
  type Follower,
  type FollowerSetting,
  type Opening,
  type Piece,
  type Side,
  type Verdict,
} from './opening';
import { sanitise } from '../../../src/shared/sanitise';
import { UpgradableFollower } from './upgrade';

/** What stands in the place of a version in the first message, beside versions 3.0 to 3.2. */
const Request = { Cancel: 80877102, Ssl: 80877103, Gss: 80877104 } as const;
const messageHeaderLength = 5;

const meanings = new Map([
  ['28P01', 'does not accept the password'],
  ['28000', 'does not let this user in'],
  ['3D000', 'has no such database'],
  ['42501', 'denies permission'],
  ['53300', 'has too many connections'],
  ['57P01', 'is shutting down'],
  ['57P02', 'has crashed'],
  ['57P03', 'is starting up or shutting down'],
  ['08P01', 'found the protocol violated'],
  ['0A000', 'does not support what was asked for'],
]);

export function probePostgresql({ client, clientEnded }: Opening): Verdict {
  if (client.length === 0 || byteAt(client, 0) !== 0) return undefined;
  const request = uint32(client, 4);
  if (request < 0) return clientEnded || byteAt(client, 1) > 0 ? undefined : 'more';
  const length = uint32(client, 0);
  const encryption = (request === Request.Ssl || request === Request.Gss) && length === 8;
  const cancel = request === Request.Cancel && length >= 16 && length <= 272;
  const version = request >= 0x3_0000 && request <= 0x3_0002;
  const follow = (setting: FollowerSetting) => new PostgresqlFollower(setting);
  if (encryption || cancel) return { application: 'postgresql', certainty: 'certain', follow };
  if (!version || length < 9 || length > 10_000) return undefined;
  // A list of names and values begins; the user comes first in all clients, but need not.
  const user = textAt(client, 8, 'user\0');
  if (user === 'yes' || /^[a-z_.]{2,40}\0[^\0]{0,200}\0/.test(latin1(client, 8, 256)))
    return { application: 'postgresql', certainty: 'certain', follow };
  return user === 'more' && !clientEnded ? 'more' : undefined;
}

type ServerUser = (type: string, body: Uint8Array, nanos: number) => void;

/** Messages of the client up to the first that is no wish for encryption. */
class ClientRequests extends FrameWalker {
  constructor(private readonly use: () => void) {
    super(8, false);
  }

  protected override begin(header: Uint8Array): boolean {
    const request = uint32(header, 4);
    if (request !== Request.Ssl && request !== Request.Gss) this.stopped = true;
    else this.use();
    return true;
  }

  protected override body(): void {
    // They have none.
  }
}

/** Messages of the server until it is ready. */
class ServerMessages extends FrameWalker {
  #type = '';

  constructor(private readonly use: ServerUser) {
    super(messageHeaderLength, false);
  }

  protected override begin(header: Uint8Array): boolean {
    this.#type = String.fromCharCode(byteAt(header, 0));
    const length = uint32(header, 1) - 4;
    if (length < 0 || length > 65_536 || !/[A-Za-z0-9]/.test(this.#type)) return false;
    this.bodyLength = length;
    if (this.#type === 'E' || this.#type === 'S') this.wantedLength = Math.min(length, 1_024);
    if (this.#type === 'Z') this.stopped = true;
    return true;
  }

  protected override body(bytes: Uint8Array): void {
    this.use(this.#type, bytes, this.nanos);
  }
}

class PostgresqlFollower implements Follower {
  readonly #upgradable: UpgradableFollower;
  readonly #server: ServerMessages;
  readonly #client: ClientRequests;
  #facts: Fact[] = [];

  constructor(private readonly setting: FollowerSetting) {
    this.#upgradable = new UpgradableFollower(setting, 'postgresql', {
      application: 'postgresql',
      label: applications.postgresql,
      certainty: 'certain',
    });
    // A wish for encryption is answered with a single byte, which is no message.
    this.#client = new ClientRequests(() => this.#server.skipNext(1));
    this.#server = new ServerMessages((type, body, nanos) => this.#message(type, body, nanos));
  }

  get detection(): Detection {
    return this.#upgradable.detection;
  }

  feed(side: Side, piece: Piece, facts: Fact[]): void {
    this.#facts = facts;
    this.#upgradable.feed(side, piece, facts);
    if (this.detection.tls !== undefined) return;
    if (side === 'server') this.#server.feed(piece);
    else this.#client.feed(piece);
  }

  isDone(side: Side): boolean {
    if (this.detection.tls !== undefined) return this.#upgradable.isDone(side);
    return this.#server.ended;
  }

  #message(type: string, body: Uint8Array, nanos: number): void {
    const fields = latin1(body, 0, body.length).split('\0');
    if (type === 'S' && fields[0] === 'server_version') {
      const name = sanitise(`PostgreSQL ${fields[1] ?? ''}`, 64);
      this.#facts.push({ kind: 'software', of: endOf('server', this.setting), name, nanos });
    }
    if (type !== 'E') return;
    const code = fields.find((field) => /^C[0-9A-Z]{5}$/.test(field))?.slice(1) ?? '?';
    const meaning = meanings.get(code) ?? 'refuses';
    this.#facts.push({ kind: 'refused', by: endOf('server', this.setting), code, meaning, nanos });
  }
}
