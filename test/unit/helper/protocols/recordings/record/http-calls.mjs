// The requests and answers that servers and clients of HTTP of Node.js exchange, secrets included.

export function request(module, options, body) {
  return new Promise((resolve, reject) => {
    const call = module.request({ host: '127.0.0.1', ...options }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    call.once('error', reject);
    call.end(body);
  });
}

export const answer = (call, response) => {
  call.resume();
  const status = call.url?.startsWith('/missing') ? 404 : 200;
  response.writeHead(status, { 'content-type': 'text/plain', 'set-cookie': 'session=SECRET-COOKIE' });
  response.end('SECRET-BODY of the answer');
};

export const secretHeaders = { authorization: 'Bearer SECRET-TOKEN', cookie: 'id=SECRET-COOKIE' };
