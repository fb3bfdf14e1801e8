// MySQL and MariaDB: the server greets with its version; encryption, if any, begins after the client's first packet.
import { applications } from './applications';
import { byteAt, isPrintable, latin1, uint16LittleEndian, uint24LittleEndian } from './bytes';
import type { Detection, Fact } from './detection';
import { FrameWalker } from './frame-walker';
import { endOf, type FollowerSetting, type Opening, type Piece, type Side, type Verdict } from './opening';
import { sanitise } from '../../../src/shared/sanitise';
import { UpgradableFollower } from './upgrade';

const headerLength = 4;
const greetingVersion = 10;
const refusal = 0xff;
const success = 0x00;
/** Greeting, questions about the login, answer. */
const maximumServerPackets = 6;
/** The short packet in which a client asks for TLS, header included. */
const sslRequestLength = 36;

const meanings = new Map([
  [1040, 'has too many connections'],
  [1044, 'denies access to the database'],
  [1045, 'does not accept user name or password'],
  [1049, 'has no such database'],
  [1053, 'is shutting down'],
  [1129, 'has blocked this host after too many errors'],
  [1130, 'does not let this host in'],
  [1203, 'has too many connections of this user'],
  [1251, 'wants a way of logging in that the client does not know'],
  [3159, 'takes encrypted connections only'],
]);

export function probeMysql({ server, serverEnded }: Opening): Verdict {
  if (server.length === 0) return undefined;
  const length = uint24LittleEndian(server, 0);
  if (length < 0) return serverEnded ? undefined : 'more';
  if (length < 5 || length > 1_024 || byteAt(server, 3) > 0) return undefined;
  const first = byteAt(server, headerLength);
  if (first < 0) return serverEnded ? undefined : 'more';
  const follow = (setting: FollowerSetting) => new MysqlFollower(setting);
  if (first === refusal) {
    const code = uint16LittleEndian(server, headerLength + 1);
    if (server.length < headerLength + length && !serverEnded) return 'more';
    if (code < 1_000 || code > 4_999 || !isPrintable(server, headerLength + 3, headerLength + length))
      return undefined;
    return { application: 'mysql', certainty: 'likely', follow };
  }
  if (first !== greetingVersion) return undefined;
  const end = server.indexOf(0, headerLength + 1);
  if (end < 0)
    return server.length < 72 && !serverEnded && isPrintable(server, headerLength + 1, 72)
      ? 'more'
      : undefined;
  if (end - headerLength < 3 || end > 72 || !isPrintable(server, headerLength + 1, end)) return undefined;
  // A number of the connection (4), half of the challenge (8), and a zero.
  const filler = byteAt(server, end + 13);
  if (filler < 0 && !serverEnded) return 'more';
  if (filler !== 0) return undefined;
  return {
    application: 'mysql',
    certainty: 'certain',
    serverSoftware: softwareName(latin1(server, headerLength + 1, end)),
    follow,
  };
}

/** MariaDB puts a version of MySQL before its own. */
function softwareName(version: string): string {
  const mariaDb = /^(?:5\.5\.5-)?(\d+\.\d+\.\d+)-MariaDB/.exec(version)?.[1];
  return sanitise(mariaDb === undefined ? `MySQL ${version}` : `MariaDB ${mariaDb}`, 64);
}

/** Packets of the server, up to the answer to the login. */
class ServerPackets extends FrameWalker {
  #count = 0;

  constructor(private readonly use: (code: number, nanos: number) => void) {
    super(headerLength, false);
  }

  protected override begin(header: Uint8Array): boolean {
    this.bodyLength = uint24LittleEndian(header, 0);
    this.wantedLength = 3;
    this.#count += 1;
    if (this.#count > maximumServerPackets) this.stopped = true;
    return true;
  }

  protected override body(bytes: Uint8Array): void {
    const code = uint16LittleEndian(bytes, 1);
    if (byteAt(bytes, 0) === refusal && code >= 1_000 && code <= 4_999) this.use(code, this.nanos);
    else if (byteAt(bytes, 0) !== success || this.#count < 2) return;
    this.stopped = true;
  }
}

/** Waits for TLS, and for the answer to the login. */
class MysqlFollower extends UpgradableFollower {
  readonly #server: ServerPackets;
  #facts: Fact[] = [];

  constructor(setting: FollowerSetting) {
    const detection: Detection = { application: 'mysql', label: applications.mysql, certainty: 'certain' };
    super(setting, 'mysql', detection, sslRequestLength);
    this.#server = new ServerPackets((code, nanos) => {
      const meaning = meanings.get(code) ?? 'refuses';
      this.#facts.push({ kind: 'refused', by: endOf('server', setting), code: String(code), meaning, nanos });
    });
  }

  override feed(side: Side, piece: Piece, facts: Fact[]): void {
    super.feed(side, piece, facts);
    if (side === 'client' || this.detection.tls !== undefined) return;
    this.#facts = facts;
    this.#server.feed(piece);
  }

  override isDone(side: Side): boolean {
    return super.isDone(side) || (this.detection.tls === undefined && this.#server.ended);
  }
}
