// The filter that the panel, network breakpoints and exports share: words and `key:value`, all of which have to hold.
//
//   shop 443                 both texts occur somewhere
//   "two words"              quoted text
//   host:example.org         the value of one key; `*` stands for anything
//   port:80,443              one of several
//   -proto:udp, !10.0.0.1    what must not hold
//   size:>1M  rate:>=10k     comparisons, with units of 1,000
//   is:failed  failed:yes    conditions

/** What a filter looks at. Texts are compared without regard to case. */
export interface FilterSubject {
  process: string;
  pid: number;
  protocol: string;
  application: string;
  localAddress: string;
  localPort: number;
  remoteAddress: string;
  /** 0 where there is no peer. */
  remotePort: number;
  host: string;
  interface: string;
  state: string;
  failure: string;
  /** Bytes on the wire, and bytes per second; sum of both directions. */
  size: number;
  sent: number;
  received: number;
  rate: number;
  /** Round-trip time in seconds; 0 where unknown. */
  rtt: number;
  retransmits: number;
  /** Seconds. */
  age: number;
  /** All texts of the subject in lower case, for words without a key. */
  text: string;
}

export type FilterPredicate = (subject: FilterSubject) => boolean;

/** A filter that was understood, or what about it was not. */
export type ParsedFilter =
  { ok: true; matches: FilterPredicate; isEmpty: boolean } | { ok: false; problem: FilterProblem };

export interface FilterProblem {
  kind: 'no-number' | 'unknown-condition' | 'no-value';
  /** The part of the filter that is meant. */
  term: string;
}

const textKeys: Record<string, (subject: FilterSubject) => readonly string[]> = {
  host: ({ host, remoteAddress }) => [host, remoteAddress],
  address: ({ localAddress, remoteAddress }) => [localAddress, remoteAddress],
  local: ({ localAddress }) => [localAddress],
  remote: ({ remoteAddress }) => [remoteAddress],
  proto: ({ protocol, application }) => [protocol, application],
  state: ({ state }) => [state],
  process: ({ process }) => [process],
  interface: ({ interface: name }) => [name],
  reason: ({ failure }) => [failure],
};

const numberKeys: Record<string, (subject: FilterSubject) => readonly number[]> = {
  port: ({ localPort, remotePort }) => [localPort, remotePort],
  localport: ({ localPort }) => [localPort],
  remoteport: ({ remotePort }) => [remotePort],
  pid: ({ pid }) => [pid],
  size: ({ size }) => [size],
  sent: ({ sent }) => [sent],
  received: ({ received }) => [received],
  rate: ({ rate }) => [rate],
  rtt: ({ rtt }) => [rtt],
  retransmits: ({ retransmits }) => [retransmits],
  age: ({ age }) => [age],
};

const conditions: Record<string, FilterPredicate> = {
  failed: ({ failure, state }) => failure !== '' || state === 'failed',
  active: ({ rate }) => rate > 0,
  open: ({ state }) => state !== 'closed',
  closed: ({ state }) => state === 'closed',
  listening: ({ state }) => state === 'listening',
  established: ({ state }) => state === 'established',
};

const aliases: Record<string, string> = {
  protocol: 'proto',
  app: 'proto',
  application: 'proto',
  if: 'interface',
  iface: 'interface',
  addr: 'address',
  ip: 'address',
  name: 'process',
  retr: 'retransmits',
  is: 'is',
};

/** Keys that a filter may name, for completion. */
export const filterKeys: readonly string[] = [
  ...Object.keys(textKeys),
  ...Object.keys(numberKeys),
  ...Object.keys(conditions),
  'is',
];

/** Understands a filter. */
export function parseFilter(text: string): ParsedFilter {
  const predicates: FilterPredicate[] = [];
  for (const term of splitTerms(text)) {
    const parsed = parseTerm(term);
    if ('kind' in parsed) return { ok: false, problem: parsed };
    const { matches, negated } = parsed;
    predicates.push(negated ? (subject) => !matches(subject) : matches);
  }
  return {
    ok: true,
    isEmpty: predicates.length === 0,
    matches: (subject) => predicates.every((matches) => matches(subject)),
  };
}

/** Parts of a filter as they were written, quotes and all. */
function splitTerms(text: string): string[] {
  return text.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

const withoutQuotes = (text: string): string => text.replaceAll('"', '');

function parseTerm(written: string): { matches: FilterPredicate; negated: boolean } | FilterProblem {
  const negated = /^[-!]./.test(written);
  const term = negated ? written.slice(1) : written;
  const [, prefix, rest = ''] = /^([a-z]+):(.*)$/is.exec(term) ?? [];
  const key = prefix?.toLowerCase() ?? '';
  const name = Object.hasOwn(aliases, key) ? (aliases[key] ?? key) : key;
  const value = withoutQuotes(rest).toLowerCase();
  // A comma in quotes is part of a value.
  const alternatives = (rest.match(/(?:"[^"]*"?|[^,"])+/g) ?? [])
    .map((each) => withoutQuotes(each).toLowerCase())
    .filter((each) => each !== '');
  const problem = (kind: FilterProblem['kind']): FilterProblem => ({ kind, term: written });
  const known =
    name === 'is' ||
    Object.hasOwn(textKeys, name) ||
    Object.hasOwn(numberKeys, name) ||
    Object.hasOwn(conditions, name);
  if (!known) {
    const words = withoutQuotes(term).toLowerCase();
    return { negated, matches: ({ text }) => text.includes(words) };
  }
  if (alternatives.length === 0) return problem('no-value');
  if (name === 'is') {
    const chosen = alternatives.map((each) =>
      Object.hasOwn(conditions, each) ? conditions[each] : undefined,
    );
    if (chosen.includes(undefined)) return problem('unknown-condition');
    return { negated, matches: (subject) => chosen.some((holds) => holds?.(subject)) };
  }
  if (Object.hasOwn(conditions, name)) {
    const holds = conditions[name];
    const wanted = yes.has(value) ? true : no.has(value) ? false : undefined;
    if (wanted === undefined || holds === undefined) return problem('unknown-condition');
    return { negated, matches: (subject) => holds(subject) === wanted };
  }
  if (Object.hasOwn(numberKeys, name)) {
    const values = numberKeys[name];
    const tests = alternatives.map(parseComparison);
    if (values === undefined || tests.includes(undefined)) return problem('no-number');
    return {
      negated,
      matches: (subject) => values(subject).some((each) => tests.some((test) => test?.(each))),
    };
  }
  const texts = textKeys[name];
  const tests = alternatives.map(parsePattern);
  return {
    negated,
    matches: (subject) =>
      texts?.(subject).some((each) => tests.some((test) => test(each.toLowerCase()))) ?? false,
  };
}

const yes = new Set(['yes', 'true', '1', 'on']);
const no = new Set(['no', 'false', '0', 'off']);

/** Text that occurs; with `*` the whole value is compared. */
function parsePattern(pattern: string): (text: string) => boolean {
  if (!pattern.includes('*')) return (text) => text.includes(pattern);
  const [first = '', ...middle] = pattern.split('*');
  const last = middle.pop() ?? '';
  return (text) => {
    if (!text.startsWith(first) || text.length < first.length + last.length) return false;
    let from = first.length;
    for (const part of middle) {
      const at = text.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return text.length - last.length >= from && text.endsWith(last);
  };
}

const multipliers: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
/** Seconds. */
const timeUnits: Record<string, number> = {
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3_600,
  d: 86_400,
};

/** `80`, `>1M`, `>=10kB/s`, `<5ms`, `8000-8999`. */
function parseComparison(text: string): ((value: number) => boolean) | undefined {
  const [, low, high] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (low !== undefined && high !== undefined) {
    return (value) => value >= Number(low) && value <= Number(high);
  }
  const [, operator = '=', digits, unit = ''] =
    /^([<>]=?|=)?\s*(\d+(?:\.\d+)?)\s*([a-zµ]*)(?:\/s)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const size = Object.hasOwn(timeUnits, unit) ? timeUnits[unit] : multipliers[unit.replace(/b$/, '')];
  if (size === undefined) return undefined;
  const bound = Number(digits) * size;
  switch (operator) {
    case '>':
      return (value) => value > bound;
    case '>=':
      return (value) => value >= bound;
    case '<':
      return (value) => value < bound;
    case '<=':
      return (value) => value <= bound;
    default:
      return (value) => value === bound;
  }
}

/** Writes a value so that a filter reads it as one text. */
export function quoteFilterValue(value: string): string {
  return /^[^\s",]+$/.test(value) ? value : `"${value.replaceAll('"', '')}"`;
}
