// SSH (RFC 4253): each side begins with its version.
import { latin1, textAt } from './bytes';
import { sanitise } from '../../../src/shared/sanitise';
import type { Opening, Verdict } from './opening';

export function probeSsh({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const asked = starts(client);
  const answered = starts(server);
  if (asked === 'more' && !clientEnded) return 'more';
  if (answered === 'more' && !serverEnded) return 'more';
  if (asked !== 'yes' && answered !== 'yes') return undefined;
  // Both introduce themselves at once: the second is awaited, so that both are told.
  if ((client.length === 0 && !clientEnded) || (server.length === 0 && !serverEnded)) {
    return { application: 'ssh', certainty: 'likely', waits: true, ...software(client, server) };
  }
  return { application: 'ssh', certainty: 'certain', ...software(client, server) };
}

function starts(bytes: Uint8Array): 'yes' | 'no' | 'more' {
  if (bytes.length === 0) return 'no';
  const version = textAt(bytes, 0, 'SSH-2.0-');
  const older = textAt(bytes, 0, 'SSH-1.');
  if (version === 'no') return older;
  // The rest of the line is awaited.
  return version === 'yes' && !bytes.includes(0x0a) && bytes.length < 255 ? 'more' : version;
}

function software(client: Uint8Array, server: Uint8Array) {
  const ofClient = softwareOf(client);
  const ofServer = softwareOf(server);
  return {
    ...(ofClient === undefined ? {} : { clientSoftware: ofClient }),
    ...(ofServer === undefined ? {} : { serverSoftware: ofServer }),
  };
}

function softwareOf(bytes: Uint8Array): string | undefined {
  const name = /^SSH-[\d.]+-([!-~]+)/.exec(latin1(bytes, 0, 255))?.[1];
  return name === undefined ? undefined : sanitise(name, 64);
}
