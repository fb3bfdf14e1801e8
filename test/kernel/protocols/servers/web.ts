// Servers of HTTP and what is built on it: proxies, gRPC, WebSockets, and the inspector of Node.js.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerHost } from '../server-host';
import { ports, zone } from '../ports';

export function nginx(host: ServerHost): void {
  const { folder, address } = host;
  const tls = `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem;`;
  // What a tracker of BitTorrent says: at this address somebody has it.
  const peer = `ld2:ip${String(address.length)}:${address}4:porti${String(ports.bittorrent)}eee`;
  const announce = `location /announce { return 200 "d8:intervali60e5:peers${peer}e"; }`;
  const places = `location / { return 200 "ok"; } location /missing { return 404; } ${announce}`;
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; user root; pid ${folder}/nginx.pid; error_log ${folder}/nginx-error.log;
      events {}
      http {
        access_log off; ssl_protocols TLSv1.2 TLSv1.3;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        server { listen ${address}:${String(ports.http)}; ${places} }
        server { listen ${address}:${String(ports.h2c)} http2; ${places} }
        server { listen ${address}:${String(ports.https)} ssl http2; ${tls} ${places} }
      }`,
  );
  host.start('nginx', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'nginx-error.log')]);
}

export function caddy(host: ServerHost): void {
  const { folder, address } = host;
  writeFileSync(
    join(folder, 'Caddyfile'),
    `{
        admin off
        auto_https off
        http_port 18445
        https_port ${String(ports.quic)}
      }
      https://www.${zone}:${String(ports.quic)} {
        bind ${address}
        tls ${folder}/certificate.pem ${folder}/key.pem
        respond "ok"
      }`,
  );
  host.start('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']);
}

/** Speaks HTTP/1.1 and lets itself be talked into HTTP/2. */
export function upgradingProxy(host: ServerHost): void {
  host.start('nghttpx', [
    ...['--conf=/dev/null', `--frontend=${host.address},${String(ports.upgrade)};no-tls`, '--workers=1'],
    ...[`--backend=${host.address},${String(ports.http)}`, `--pid-file=${host.folder}/nghttpx.pid`],
  ]);
}

export function grpc(host: ServerHost): void {
  host.startPython('grpc_server', [`${host.address}:${String(ports.grpc)}`]);
}

export function websocketd(host: ServerHost): void {
  host.start('websocketd', [`--address=${host.address}`, `--port=${String(ports.websocket)}`, 'cat']);
}

export function nodeInspector(host: ServerHost): void {
  host.startLine('node', [
    ...[process.execPath, `--inspect=${host.address}:${String(ports.inspector)}`],
    ...['-e', 'setInterval(() => undefined, 1_000)'],
  ]);
}
