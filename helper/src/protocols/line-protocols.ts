// Protocols of lines in which the server greets first: SMTP, FTP, POP3, IMAP. The greeting alone often fits several; the
// client's first command tells.
import { applications, type ApplicationId } from './applications';
import { latin1 } from './bytes';
import type { Detection, Fact } from './detection';
import { endOf, type FollowerSetting, type Opening, type Piece, type Side, type Verdict } from './opening';
import { LineStarts } from './prefix';
import { UpgradableFollower } from './upgrade';

const lookedAt = 512;

interface LineProtocol {
  application: ApplicationId;
  /** A greeting that it may send, and one that only it sends. */
  greeting: RegExp;
  ownGreeting: RegExp;
  /** First commands of a client. */
  command: RegExp;
}

const protocols: readonly LineProtocol[] = [
  {
    application: 'smtp',
    greeting: /^(220[ -]|421[ -]|554[ -])/,
    ownGreeting: /^(220|421|554)[ -][^\n]*\b(E?SMTP|LMTP)\b/i,
    command: /^(EHLO|HELO|LHLO) [^\s]+\r?\n|^STARTTLS\r?\n/i,
  },
  {
    application: 'ftp',
    greeting: /^(120|220|421|530)[ -]/,
    ownGreeting: /^220[ -](?![^\n]*SMTP)[^\n]*FTP/i,
    command:
      /^(USER [^\r\n]+|AUTH (TLS|SSL|TLS-C)|FEAT|SYST|OPTS UTF8[^\r\n]*|HOST [^\r\n]+|CLNT [^\r\n]+)\r?\n/i,
  },
  {
    application: 'pop3',
    greeting: /^\+OK[ \r]/,
    ownGreeting: /^\+OK[^\n]*(POP3|POP server|<[^>\n]+@[^>\n]+>\r)/i,
    command: /^(USER \S+|CAPA|STLS|APOP \S+ \S+|AUTH( \S+)?|UTF8)\r?\n/i,
  },
  {
    application: 'imap',
    greeting: /^\* (OK|PREAUTH|BYE)[ \r]/,
    ownGreeting: /^\* (OK|PREAUTH|BYE) [^\n]*IMAP4/i,
    command:
      /^[A-Za-z0-9.]{1,16} (CAPABILITY|STARTTLS|LOGIN [^\r\n]+|AUTHENTICATE [^\r\n]+|ID [^\r\n]+|NOOP)\r?\n/i,
  },
];

/** One probe for each of them. */
export const lineProtocolProbes = protocols.map((protocol) => (opening: Opening) => probe(protocol, opening));

function probe(protocol: LineProtocol, { client, server, clientEnded, serverEnded }: Opening): Verdict {
  const { application } = protocol;
  const greeting = latin1(server, 0, lookedAt);
  const greets = protocol.greeting.test(greeting);
  if (server.length > 0 && !greets)
    return server.length < 8 && !serverEnded && mayGreet(protocol, greeting) ? 'more' : undefined;
  const follow = (setting: FollowerSetting) => new LineFollower(setting, application);
  const commands = protocol.command.test(latin1(client, 0, lookedAt));
  if (greets && (commands || protocol.ownGreeting.test(greeting)))
    return { application, certainty: 'certain', follow };
  // A client that speaks before it was greeted, or whose server was not seen.
  if (!greets)
    return commands && application === 'smtp' ? { application, certainty: 'likely', follow } : undefined;
  if (client.length > 0 && (clientEnded || latin1(client, 0, lookedAt).includes('\n'))) return undefined;
  return serverEnded && clientEnded ? undefined : 'more';
}

function mayGreet({ application }: LineProtocol, text: string): boolean {
  const starts = {
    smtp: ['220', '421', '554'],
    ftp: ['120', '220', '421', '530'],
    pop3: ['+OK'],
    imap: ['* OK', '* PREAUTH', '* BYE'],
  };
  return starts[application as keyof typeof starts].some((start) => start.startsWith(text));
}

const refusals = new Map([
  ['smtp', /^(421|550|554|535|530|521)[ -]/],
  ['ftp', /^(421|530|430|534)[ -]/],
]);

const meanings = new Map([
  ['421', 'is not available and closes'],
  ['430', 'does not accept user name or password'],
  ['521', 'takes no mail'],
  ['530', 'wants the client to log in, or to log in otherwise'],
  ['534', 'refuses this way of logging in'],
  ['535', 'does not accept user name or password'],
  ['550', 'refuses the address'],
  ['554', 'refuses'],
]);

/** Waits for TLS, and for a reply that refuses. */
class LineFollower extends UpgradableFollower {
  #refused = false;
  readonly #replies = new LineStarts(4, (start) => this.#reply(start));
  #facts: Fact[] = [];
  #nanos = 0;

  constructor(
    private readonly lineSetting: FollowerSetting,
    private readonly application: ApplicationId,
  ) {
    super(lineSetting, application, {
      application,
      label: applications[application],
      certainty: 'certain',
    } satisfies Detection);
  }

  override feed(side: Side, piece: Piece, facts: Fact[]): void {
    super.feed(side, piece, facts);
    if (side === 'client' || this.#refused || this.detection.tls !== undefined) return;
    this.#facts = facts;
    this.#nanos = piece.nanos;
    this.#replies.add(piece.bytes);
  }

  #reply(start: string): void {
    const code = refusals.get(this.application)?.exec(start)?.[1];
    if (code === undefined || this.#refused) return;
    this.#refused = true;
    this.#facts.push({
      kind: 'refused',
      by: endOf('server', this.lineSetting),
      code,
      meaning: meanings.get(code) ?? 'refuses',
      nanos: this.#nanos,
    });
  }
}
