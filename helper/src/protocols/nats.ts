// NATS: the server introduces itself with a line of JSON, the client answers with one.
import { latin1, textAt } from './bytes';
import { sanitise } from '../../../src/shared/sanitise';
import type { Opening, Verdict } from './opening';
import { upgradable } from './upgrade';

export function probeNats({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const info = server.length === 0 ? 'no' : textAt(server, 0, 'INFO {"');
  const connect = client.length === 0 ? 'no' : textAt(client, 0, 'CONNECT {"');
  if (info === 'yes') {
    const start = latin1(server, 0, 1_024);
    const version = /"version":\s?"([\w.+-]{1,32})"/.exec(start)?.[1];
    const isNats = version !== undefined && start.includes('"server_id"');
    if (!isNats && !serverEnded && server.length < 1_024 && !start.includes('\n')) return 'more';
    return {
      application: 'nats',
      certainty: isNats || connect === 'yes' ? 'certain' : 'likely',
      ...(version === undefined ? {} : { serverSoftware: sanitise(`nats-server ${version}`, 64) }),
      follow: upgradable('nats'),
    };
  }
  if (connect === 'yes') return { application: 'nats', certainty: 'certain' };
  return (info === 'more' && !serverEnded) || (connect === 'more' && !clientEnded) ? 'more' : undefined;
}
