// Redis (RESP2 and RESP3): the client sends arrays of strings, the first of which is a command.
import { byteAt, latin1 } from './bytes';
import type { Opening, Verdict } from './opening';

/** Commands that people and health checks send as a plain line. */
const inlineCommand =
  /^(PING|QUIT|INFO|MONITOR|DBSIZE|COMMAND|HELLO [23]|AUTH \S+|SELECT \d+|GET \S+|INFO \w+)\r?\n/i;
const answer =
  /^(\+(PONG|OK|QUEUED)\r\n|-(ERR|NOAUTH|WRONGPASS|DENIED|LOADING|MOVED|NOPERM|MISCONF|WRONGTYPE) |\$(-1|\d{1,9})\r\n|[:*%~](-?\d{1,9})\r\n|_\r\n|#[tf]\r\n)/;

export function probeRedis({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  if (client.length === 0) return undefined;
  const asked = command(client);
  if (asked === 'yes') return { application: 'redis', certainty: 'certain' };
  if (asked === 'more') return clientEnded ? undefined : 'more';
  if (!inlineCommand.test(latin1(client, 0, 64))) return undefined;
  if (server.length === 0) return serverEnded ? undefined : 'more';
  return answer.test(latin1(server, 0, 32)) ? { application: 'redis', certainty: 'likely' } : undefined;
}

/** `*2\r\n$3\r\nGET\r\n`: the length has to fit the word. */
function command(bytes: Uint8Array): 'yes' | 'no' | 'more' {
  if (byteAt(bytes, 0) !== 0x2a) return 'no';
  const start = latin1(bytes, 0, 64);
  const head = /^\*[1-9]\d{0,6}\r\n\$([1-9]\d?)\r\n/.exec(start);
  if (head === null) return /^\*(\d{0,7}|\d{1,7}\r(\n(\$(\d{0,2}\r?)?)?)?)$/.test(start) ? 'more' : 'no';
  const from = head[0].length;
  const word = start.slice(from, from + Number(head[1]));
  if (!/^[A-Za-z][A-Za-z.|_-]*$/.test(word)) return word === '' ? 'more' : 'no';
  if (word.length < Number(head[1])) return start.length < 64 ? 'more' : 'no';
  const end = start.slice(from + word.length, from + word.length + 2);
  return end === '\r\n' ? 'yes' : '\r\n'.startsWith(end) ? 'more' : 'no';
}
