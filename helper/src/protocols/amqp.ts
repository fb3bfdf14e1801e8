// AMQP 0-9-1 and 1.0: the client begins with the name and the version.
import { byteAt, textAt } from './bytes';
import type { Opening, Verdict } from './opening';
import { upgradable } from './upgrade';

export function probeAmqp({ client, clientEnded }: Opening): Verdict {
  if (client.length === 0) return undefined;
  const name = textAt(client, 0, 'AMQP');
  if (name === 'no') return undefined;
  if (client.length < 8) return clientEnded ? undefined : 'more';
  const [id, major, minor, revision] = [4, 5, 6, 7].map((at) => byteAt(client, at));
  if (id === 0 && major === 0 && minor === 9 && revision === 1)
    return { application: 'amqp-0-9-1', certainty: 'certain' };
  // 2 announces TLS within, 3 that the client logs in first.
  if ((id === 0 || id === 2 || id === 3) && major === 1 && minor === 0 && revision === 0)
    return {
      application: 'amqp-1.0',
      certainty: 'certain',
      ...(id === 2 ? { follow: upgradable('amqp-1.0') } : {}),
    };
  return undefined;
}
