// What is kept of a request's target: the path and the host, nothing that could hold a secret.
import { sanitise } from '../../../src/shared/sanitise';
import { hostOfAuthority } from './host-name';

const maximumPath = 256;

export interface HttpTarget {
  path: string;
  /** Named by the target itself: absolute form, or CONNECT. */
  host: string | undefined;
}

/**
 * Splits a target: `/path?query`, `http://user:password@host/path`, `host:443` (CONNECT), `*`. Query, fragment, user info and
 * parameters of a segment (`;jsessionid=…`) are dropped.
 */
export function readTarget(method: string, target: string): HttpTarget {
  if (method === 'CONNECT') return { path: '', host: hostOfAuthority(target) };
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(target);
  const path = absolute === null ? target : target.slice(absolute[0].length);
  return {
    path: cleanPath(path === '' ? '/' : path),
    host: absolute === null ? undefined : hostOfAuthority(absolute[1] ?? ''),
  };
}

function cleanPath(text: string): string {
  // A target that is neither a path nor `*` may be anything, also an address with a password in it.
  if (text !== '*' && !text.startsWith('/')) return '?';
  return sanitise(text.replace(/[?#].*$/s, '').replace(/;[^/]*/g, ''), maximumPath);
}
