// The one-click way into the embedded editor. An address with a secret in it sets the session cookie in the
// browser that opens it and leads on to the editor. Only whoever reads the terminal knows that address.
//
// A browser that is started from here gets an address of its own, which works once: command lines can be
// read by every user of the machine, and that one is worth nothing after the browser has used it.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

/**
 * @param {import('./code-server.mjs').CodeServer} editor
 * @param {string} folder what it opens
 * @returns {Promise<{ address: string, addressForOneUse: string, close: () => void }>}
 */
export async function openDoor(editor, folder) {
  const target = `${editor.origin}/?folder=${encodeURIComponent(folder).replaceAll('%2F', '/')}`;
  const secret = newSecret();
  let secretForOneUse = newSecret();
  const server = createServer((request, response) => {
    const given = (request.url ?? '').slice(1);
    const once = matches(given, secretForOneUse);
    if (request.method !== 'GET' || !(once || matches(given, secret))) {
      response
        .writeHead(403, { 'Content-Type': 'text/plain' })
        .end('This is not the address that the terminal shows.\n');
      return;
    }
    if (once) secretForOneUse = newSecret();
    response
      .writeHead(303, {
        'Set-Cookie': `${editor.cookie.name}=${editor.cookie.value}; Path=/; HttpOnly; SameSite=Lax`,
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
        Location: target,
      })
      .end();
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    address: `${origin}/${secret}`,
    addressForOneUse: `${origin}/${secretForOneUse}`,
    close: () => server.close(),
  };
}

const newSecret = () => randomBytes(16).toString('hex');

function matches(given, secret) {
  return given.length === secret.length && timingSafeEqual(Buffer.from(given), Buffer.from(secret));
}
