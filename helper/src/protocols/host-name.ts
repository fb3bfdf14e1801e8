// Host names that strangers wrote into a hello, a header or an answer.

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * A host name in lower case without its last dot, or undefined for everything that is none: addresses, empty labels, more
 * than 253 characters, any character but letters, digits, hyphens and underscores.
 */
export function validHostName(text: string): string | undefined {
  if (text.length === 0 || text.length > 254) return undefined;
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (name.length > 253) return undefined;
  const labels = name.split('.');
  if (!labels.every((part) => label.test(part))) return undefined;
  // The last label of a name is never a number: `10.0.0.1` and `0x7f.1` are addresses.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return undefined;
  return name;
}

/** The name in a Host header, an :authority or the authority of a URL: without user info and port. */
export function hostOfAuthority(authority: string): string | undefined {
  if (authority.length > 512) return undefined;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return validHostName(host.replace(/:\d{0,5}$/, ''));
}
