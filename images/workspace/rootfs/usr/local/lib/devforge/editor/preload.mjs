// Loaded into code-server ahead of its own program: a door that leads right into its server, so that DevForge's requests
// need not pass a program in between. The door's port and key lie beside the editor's socket, for whoever may use that.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { rename, writeFile } from 'node:fs/promises';
import { openDoor } from './door.mjs';
import { EDITOR_DOOR, EDITOR_SOCKET } from './places.mjs';

const REQUEST = 'http.server.request.start';

// code-server's first process hands this on to its second, which is the server; nothing that starts from there needs it.
if (process.env.CODE_SERVER_PARENT_PID !== undefined) {
  delete process.env.DEVFORGE_EDITOR_SOCKET;
  process.execArgv = process.execArgv.filter((word) => !word.includes(import.meta.filename));
  subscribe(REQUEST, notice);
}

function notice({ server }) {
  if (server.address() !== EDITOR_SOCKET) return;
  unsubscribe(REQUEST, notice);
  open(server).catch((error) => console.error(`devforge-editor: no door: ${error.message}`));
}

async function open(server) {
  const door = await openDoor((visitor) => {
    visitor.write('ok\n');
    server.emit('connection', visitor);
  });
  const draft = `${EDITOR_DOOR}.${process.pid}`;
  await writeFile(draft, JSON.stringify(door), { mode: 0o600 });
  await rename(draft, EDITOR_DOOR);
}
