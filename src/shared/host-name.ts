// Names of hosts as other people write them, and which of them are fit to be kept and shown.

const maximumLength = 253;
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Brings the name of a host into one form: lower case, without the final dot.
 * @returns undefined for what is no name: an address, a text with other characters than host names have, one that is
 *   too long. So what comes out is safe to show anywhere.
 */
export function toHostName(text: string): string | undefined {
  if (text.length > maximumLength + 1) return undefined;
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  // A last label of digits makes it an address, or something that means to be taken for one.
  if (name.length > maximumLength || /^\d*$/.test(last)) return undefined;
  return labels.every((part) => label.test(part)) ? name : undefined;
}
