/** A client of the engine's HTTP API, so that no Docker command line is needed. */
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';

/** @param {import('./engine-address.mjs').EngineAddress} address */
function connection(address) {
  if (address.kind === 'socket') return { socketPath: address.path };
  if (address.kind === 'unsupported') throw new Error(`unsupported address ${address.value}`);
  const { host, port, certPath } = address;
  if (!certPath) return { host, port };
  const pem = (name) => (existsSync(join(certPath, name)) ? readFileSync(join(certPath, name)) : undefined);
  return { host, port, ca: pem('ca.pem'), cert: pem('cert.pem'), key: pem('key.pem') };
}

/**
 * One call. `send` writes the body and ends the request; `onLine` gets each JSON line of a streamed answer.
 * Rejects on a network error, after `idleMs` without data and after `totalMs`. An error status is not a rejection.
 *
 * @param {import('./engine-address.mjs').EngineAddress} address
 * @param {{ method?: string, path: string, send?: (request: http.ClientRequest) => void, headers?: Record<string, string>, idleMs?: number, totalMs?: number, onLine?: (line: any) => void }} options
 * @returns {Promise<{ status: number, text: string }>}
 */
export function engineCall(address, { method = 'GET', path, send, headers = {}, idleMs = 10_000, totalMs, onLine }) {
  return new Promise((resolve, reject) => {
    const transport = address.kind === 'tcp' && address.certPath ? https : http;
    const request = transport.request({
      ...connection(address),
      method,
      path,
      headers: { Host: 'docker', ...headers },
      agent: false,
    });
    const limit =
      totalMs && setTimeout(() => request.destroy(new Error(`no result after ${totalMs / 1000} s`)), totalMs);
    const settle = (finish, value) => {
      clearTimeout(limit);
      finish(value);
    };
    request.setTimeout(idleMs, () => request.destroy(new Error(`the engine was silent for ${idleMs / 1000} s`)));
    request.on('error', (error) => settle(reject, error));
    request.on('response', (response) => {
      let text = '';
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        if (!onLine) {
          text += chunk;
          return;
        }
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) deliver(line, onLine);
      });
      response.on('error', (error) => settle(reject, error));
      response.on('end', () => {
        if (onLine) deliver(rest, onLine);
        settle(resolve, { status: response.statusCode ?? 0, text: text || rest });
      });
    });
    if (send) send(request);
    else request.end();
  });
}

function deliver(line, onLine) {
  if (!line.trim()) return;
  try {
    onLine(JSON.parse(line));
  } catch {
    onLine({ status: line.trim() });
  }
}

/** Whether the engine answers: `ok`, `denied` (no permission on the socket), `absent` (no socket) or `silent`. */
export async function pingEngine(address) {
  try {
    const { status } = await engineCall(address, { path: '/_ping', idleMs: 5000 });
    return status === 200 ? 'ok' : 'silent';
  } catch (error) {
    if (error.code === 'EACCES' || error.code === 'EPERM') return 'denied';
    return error.code === 'ENOENT' ? 'absent' : 'silent';
  }
}

/** @returns {Promise<{ Version: string, Arch: string }>} */
export async function engineVersion(address) {
  return JSON.parse((await engineCall(address, { path: '/version' })).text);
}
