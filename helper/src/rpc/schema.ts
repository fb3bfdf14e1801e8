// The shape of every input, and the errors that say what is wrong with one.
import { z } from 'zod';
import { ErrorCode, limits } from '../../../src/shared/protocol';
import { quoteValue, sanitise } from '../../../src/shared/sanitise';
import { RequestError } from '../errors';
import { maximumProcessId } from '../processes';

const pid = z.int().min(1).max(maximumProcessId);
const startTicks = z.int().min(0);
const monitor = z.string().min(1).max(32);
/** As long as the kernel allows (IFNAMSIZ is 16 with the final zero), in sanitised characters. */
const interfaceName = z.string().min(1).max(64);
const interfaces = z.array(interfaceName).max(limits.interfaces);

const within = ({ minimum, maximum }: { minimum: number; maximum: number }) =>
  z.int().min(minimum).max(maximum).exactOptional();

const settings = {
  children: z.boolean().exactOptional(),
  interfaces: interfaces.exactOptional(),
  intervalMillis: within(limits.intervalMillis),
  windowMillis: within(limits.windowMillis),
  inspect: z.boolean().exactOptional(),
  maximumProcesses: within(limits.processes),
  maximumConnections: within(limits.connections),
  eventsPerSecond: within(limits.eventsPerSecond),
};

// Parameters of each request. Unknown fields are refused.
export const startParams = z.strictObject({ pid, startTicks: startTicks.exactOptional(), ...settings });
export const updateParams = z.strictObject({ monitor, ...settings });
export const stopParams = z.strictObject({ monitor });

/** What requests without parameters may come with, as client libraries differ. */
export const noParams = z.union([z.undefined(), z.null(), z.strictObject({}), z.array(z.null()).max(1)]);

/** `params` of `initialize`. The rest of it is for language servers and of no use here. */
export const initializeParams = z.looseObject({
  initializationOptions: z.strictObject({ protocolVersion: z.number() }),
});

/**
 * Checks an input.
 * @throws RequestError which names the first field that is wrong, its value, and what is allowed
 */
export function parse<Output>(method: string, schema: z.ZodType<Output>, value: unknown): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RequestError(
    ErrorCode.InvalidParams,
    issue === undefined ? `The parameters of ${method} are not valid.` : describe(method, issue, value),
    'See the description of the request in the documentation of the protocol.',
  );
}

function describe(method: string, issue: z.core.$ZodIssue, input: unknown): string {
  const path = issue.path.map(String);
  const field =
    path.length === 0 ? `The parameters of ${method}` : `"${sanitise(path.join('.'), 64)}" of ${method}`;
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.slice(0, 4).map((key) => quoteValue(key, 32));
    return `${field}: there is no field ${keys.join(', ')}.`;
  }
  if (issue.code === 'invalid_union') return `${method} takes no parameters.`;
  const value = issue.path.reduce<unknown>(fieldOf, input);
  return `${field} must not be ${quoteValue(value)}: ${expectation(issue)}.`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${expectedTypes[issue.expected] ?? issue.expected} is expected`;
    case 'too_small':
      return `at least ${String(issue.minimum)}${unit(issue.origin)} is expected`;
    case 'too_big':
      return `at most ${String(issue.maximum)}${unit(issue.origin)} is expected`;
    default:
      return sanitise(issue.message, 128);
  }
}

const expectedTypes: Partial<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
};

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' elements' : '';
}

function fieldOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined;
}
