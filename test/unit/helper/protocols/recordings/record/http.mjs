// Web servers and what is built on HTTP.
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { connect } from 'node:net';
import { file, pair } from './files.mjs';
import { answer, request, secretHeaders } from './http-calls.mjs';
import { command, fromNpm, whileListening } from './programs.mjs';
import { throughTcp } from './recording.mjs';

export const recordings = {
  'http1-keep-alive': () =>
    whileListening(http.createServer(answer), (port) =>
      throughTcp(80, port, async (proxy) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const headers = { host: 'shop.example.org:8080', ...secretHeaders };
        await request(http, { port: proxy, path: '/cart?token=SECRET-QUERY', agent, headers });
        await request(
          http,
          { port: proxy, path: '/order;v=SECRET-QUERY/1?x=SECRET-QUERY', method: 'POST', agent, headers },
          'SECRET-BODY',
        );
        await request(http, { port: proxy, path: '/missing', agent, headers });
        agent.destroy();
      }),
    ),
  'http1-pipelined': () =>
    whileListening(http.createServer(answer), (port) =>
      throughTcp(
        80,
        port,
        (proxy) =>
          new Promise((resolve) => {
            const socket = connect(proxy, '127.0.0.1');
            const one = (name) => `GET /${name}?q=SECRET-QUERY HTTP/1.1\r\nHost: shop.example.org\r\n\r\n`;
            socket.write(one('first') + one('missing') + one('third'));
            socket.on('data', () => {});
            setTimeout(() => (socket.destroy(), resolve()), 300);
          }),
      ),
    ),
  'http1-curl': () =>
    whileListening(http.createServer(answer), (port) =>
      throughTcp(80, port, (proxy) =>
        command('curl', [
          '-s',
          '-u',
          'user:SECRET-PASSWORD',
          '--resolve',
          `files.example.org:${proxy}:127.0.0.1`,
          `http://files.example.org:${proxy}/a/b?c=SECRET-QUERY`,
        ]),
      ),
    ),
  'http2-prior-knowledge': () => {
    const server = http2.createServer((call, response) => answer(call, response));
    return whileListening(server, (port) =>
      throughTcp(80, port, async (proxy) => {
        const session = http2.connect(`http://127.0.0.1:${proxy}`);
        const call = (headers, body) =>
          new Promise((resolve, reject) => {
            const stream = session.request({ ':authority': 'api.example.org', ...secretHeaders, ...headers });
            stream.resume().once('end', resolve).once('error', reject);
            stream.end(body);
          });
        await Promise.all([
          call({ ':path': '/items?token=SECRET-QUERY' }),
          call({ ':path': '/missing', ':method': 'POST' }, 'SECRET-BODY'),
        ]);
        await call({ ':path': '/items?token=SECRET-QUERY' });
        session.close();
      }),
    );
  },
  'http2-upgrade': () => {
    const server = http.createServer().on('upgrade', (_call, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      http2.performServerHandshake(socket).on('error', () => {});
    });
    return whileListening(server, (port) =>
      throughTcp(80, port, (proxy) =>
        command('curl', [
          ...['-s', '--http2', '--max-time', '1', '--resolve', `api.example.org:${proxy}:127.0.0.1`],
          `http://api.example.org:${proxy}/items?q=SECRET-QUERY`,
        ]),
      ),
    );
  },
  grpc: () => {
    const grpc = fromNpm('@grpc/grpc-js');
    const bytes = { serialize: (value) => value, deserialize: (value) => value };
    const method = (path) => ({
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes.serialize,
      requestDeserialize: bytes.deserialize,
      responseSerialize: bytes.serialize,
      responseDeserialize: bytes.deserialize,
    });
    const service = { Get: method('/shop.Cart/Get'), Fail: method('/shop.Cart/Fail') };
    const server = new grpc.Server();
    server.addService(service, {
      Get: (_call, done) => done(null, Buffer.from('SECRET-BODY')),
      Fail: (_call, done) => done({ code: grpc.status.PERMISSION_DENIED, details: 'SECRET-BODY' }),
    });
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) return reject(error);
        throughTcp(50051, port, async (proxy) => {
          const Client = grpc.makeClientConstructor(service, 'shop.Cart');
          const client = new Client(`127.0.0.1:${proxy}`, grpc.credentials.createInsecure());
          const metadata = new grpc.Metadata();
          metadata.set('authorization', 'Bearer SECRET-TOKEN');
          for (const name of ['Get', 'Fail'])
            await new Promise((done) => client[name](Buffer.from('SECRET-BODY'), metadata, () => done()));
          client.close();
        }).then((recording) => (server.forceShutdown(), resolve(recording)), reject);
      });
    });
  },
  websocket: () => {
    const { WebSocketServer } = fromNpm('ws');
    const server = http.createServer();
    new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', () => socket.close()));
    return whileListening(server, (port) =>
      throughTcp(
        80,
        port,
        (proxy) =>
          new Promise((resolve) => {
            const socket = new WebSocket(`ws://127.0.0.1:${proxy}/live?token=SECRET-QUERY`);
            socket.onopen = () => socket.send('SECRET-BODY');
            socket.onclose = resolve;
          }),
      ),
    );
  },
  https: () =>
    whileListening(https.createServer(pair, answer), (port) =>
      throughTcp(443, port, (proxy) =>
        request(https, {
          port: proxy,
          servername: 'www.example.org',
          rejectUnauthorized: false,
          path: '/?q=SECRET-QUERY',
          agent: false,
        }),
      ),
    ),
  'https-curl': () =>
    whileListening(https.createServer(pair, answer), (port) =>
      throughTcp(443, port, (proxy) =>
        command('curl', [
          '-sk',
          '--resolve',
          `www.example.org:${proxy}:127.0.0.1`,
          `https://www.example.org:${proxy}/`,
        ]),
      ),
    ),
  'https-chromium': () =>
    whileListening(https.createServer(pair, answer), (port) =>
      throughTcp(443, port, (proxy) =>
        command('chromium', [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--ignore-certificate-errors',
          `--user-data-dir=${file('profile2')}`,
          `--host-resolver-rules=MAP www.example.org 127.0.0.1:${proxy}`,
          '--dump-dom',
          `https://www.example.org/`,
        ]),
      ),
    ),
  'http-connect-proxy': () => {
    const target = https.createServer(pair, answer);
    return whileListening(target, (port) => {
      const proxyServer = http.createServer().on('connect', (_call, near, head) => {
        const far = connect(port, '127.0.0.1', () => {
          near.write('HTTP/1.1 200 Connection Established\r\n\r\n');
          far.write(head);
          far.pipe(near).pipe(far);
        });
        near.on('error', () => far.destroy());
        far.on('error', () => near.destroy());
      });
      return whileListening(proxyServer, (proxyPort) =>
        throughTcp(3128, proxyPort, (proxy) =>
          command('curl', [
            '-sk',
            '-x',
            `http://user:SECRET-PASSWORD@127.0.0.1:${proxy}`,
            'https://inside.example.org/?q=SECRET-QUERY',
          ]),
        ),
      );
    });
  },
};
