/**
 * A read-only git server over HTTPS: Node's own server in front of `git http-backend` (CGI).
 * It listens on one address only, the one at which containers reach this machine.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { hostEnv } from '../exec.mjs';

const MAX_REQUESTS = 16;
const SERVED = /^\/[A-Za-z0-9_-]+\.git\/(?:info\/refs|git-upload-pack|HEAD)$/;

/**
 * @param {{ folder: string, address: string, port: number, cert: string, key: string }} options port 0 takes a free one
 * @returns {Promise<{ port: number, close: () => void }>}
 */
export function startGitServer({ folder, address, port, cert, key }) {
  let active = 0;
  const server = https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://localhost');
    if (url.searchParams.get('service') === 'git-receive-pack') return refuse(response, 403);
    if (!SERVED.test(url.pathname)) return refuse(response, 404);
    if (active >= MAX_REQUESTS) return refuse(response, 503);
    active += 1;
    response.once('close', () => (active -= 1));
    return serve({ request, response, url, folder });
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      const close = () => {
        server.close();
        server.closeAllConnections?.();
      };
      resolve({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port, close });
    });
  });
}

function refuse(response, status) {
  response.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${status}\n`);
}

function serve({ request, response, url, folder }) {
  const child = spawn('git', ['http-backend'], {
    env: hostEnv(cgiVariables(request, url, folder)),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let head = Buffer.alloc(0);
  const onHead = (chunk) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', onHead);
    const { status, headers } = parseCgiHead(head.subarray(0, end).toString('latin1'));
    response.writeHead(status, headers);
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', onHead);
  child.stdin.on('error', () => undefined);
  child.on('error', () => refuse(response, 500));
  child.on('close', () => (response.headersSent ? response.end() : refuse(response, 500)));
  response.on('close', () => child.kill());
  request.pipe(child.stdin);
}

/** @param {import('node:http').IncomingMessage} request @param {URL} url */
export function cgiVariables(request, url, folder) {
  const header = (name) => (request.headers[name] === undefined ? '' : String(request.headers[name]));
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: header('git-protocol'),
    REQUEST_METHOD: request.method,
    PATH_INFO: url.pathname,
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: header('content-length'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    REMOTE_ADDR: request.socket.remoteAddress ?? '',
  };
}

/** @param {string} text header lines, `Status: 404 Not Found` among them */
export function parseCgiHead(text) {
  const headers = Object.fromEntries(
    text.split('\r\n').flatMap((line) => {
      const match = /^([^:]+):\s*(.*)$/.exec(line);
      return match ? [[match[1], match[2]]] : [];
    }),
  );
  const status = Number.parseInt(headers.Status ?? '200', 10);
  delete headers.Status;
  return { status, headers };
}
