import type { Engine } from '../api/engine.js';
import type { Container } from '../api/types.js';

/** Answers with what it was sent, sets a cookie for everybody, and echoes what comes over an upgrade. */
const MIRROR = `
  const server = require('node:http').createServer({ maxHeaderSize: 100_000 }, (request, response) => {
    response.setHeader('Set-Cookie', ['planted=1; Domain=localhost; Path=/; Domain =localhost', 'devforge_site=planted', '=devforge_site=planted']);
    if (request.url === '/large') response.setHeader('X-Large', 'l'.repeat(40000));
    let body = '';
    request.on('data', (chunk) => (body += chunk)).on('end', () => response.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers, body })));
  });
  server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSet-Cookie: planted=2; Domain =localhost; Path=/\\r\\n\\r\\n');
    socket.on('error', () => undefined).pipe(socket);
    if (request.url === '/reset') socket.once('data', () => socket.resetAndDestroy());
  });
  server.listen(4000, '127.0.0.1');
  require('node:net').createServer((socket) => socket.on('error', () => undefined).once('data', () => socket.write('HTTP/1.1 200 OK\\r\\nno colon\\r\\n\\r\\n'))).listen(4007, '127.0.0.1');
  const { execFileSync } = require('node:child_process');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=x', '-keyout', '/tmp/tls.key', '-out', '/tmp/tls.pem'], { stdio: 'ignore' });
  const [key, cert] = ['/tmp/tls.key', '/tmp/tls.pem'].map((file) => require('node:fs').readFileSync(file));
  require('node:https').createServer({ key, cert }, (_, response) => response.end('with TLS')).listen(4443, '127.0.0.1');
  require('node:http').createServer((_, response) => response.end('on ::1')).once('error', function () { this.listen(4006, '127.0.0.1'); }).listen(4006, '::1');`;

/** Starts a program that answers at port 4000 with what it was sent, at 4443 with TLS, at 4007 with what is no HTTP, at 4006 on `::1` alone where there is IPv6. */
export async function startMirror(engine: Engine, { dockerId }: Container): Promise<void> {
  const script = `setsid node -e "$0" > /dev/null 2>&1 < /dev/null & until curl -s -o /dev/null -k https://127.0.0.1:4443; do sleep 0.05; done`;
  const { exitCode } = await engine.exec(dockerId!, ['sh', '-c', script, MIRROR], { user: '1000' });
  if (exitCode !== 0) throw new Error(`The program did not start: ${exitCode}`);
}
