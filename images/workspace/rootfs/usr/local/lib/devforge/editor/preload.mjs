// Loaded into code-server before its own program: a direct endpoint in its server process, so that requests of DevForge
// need not pass through another process. Its port and key are in a file beside the editor's socket, with the same owner.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { rename, writeFile } from 'node:fs/promises';
import { listenDirect } from './direct-endpoint.mjs';
import { EDITOR_ENDPOINT_FILE, EDITOR_SOCKET } from './paths.mjs';

const REQUEST_START = 'http.server.request.start';

// code-server's first process passes its environment on to the second, which is the server; processes that the server
// starts must not inherit any of this.
if (process.env['CODE_SERVER_PARENT_PID'] !== undefined) {
  delete process.env['DEVFORGE_EDITOR_SOCKET'];
  process.execArgv = process.execArgv.filter((word) => !word.includes(import.meta.filename));
  subscribe(REQUEST_START, onRequest);
}

/** The first request to the editor's socket shows which of the process's servers it belongs to. @param {unknown} message */
function onRequest(message) {
  const { server } = /** @type {{ server: import('node:http').Server }} */ (message);
  if (server.address() !== EDITOR_SOCKET) return;
  unsubscribe(REQUEST_START, onRequest);
  listen(server).catch((error) => console.error(`devforge-editor: no direct endpoint: ${error.message}`));
}

/** @param {import('node:http').Server} server */
async function listen(server) {
  const endpoint = await listenDirect((client) => {
    client.write('ok\n');
    server.emit('connection', client);
  });
  const draft = `${EDITOR_ENDPOINT_FILE}.${process.pid}`;
  await writeFile(draft, JSON.stringify(endpoint), { mode: 0o600 });
  await rename(draft, EDITOR_ENDPOINT_FILE);
}
