/**
 * A shell in a container, in your own terminal. `exit` or Ctrl-D ends it; Ctrl-] leaves it running, and prints the id
 * with which it can be opened again.
 *
 *   npm install socket.io-client
 *   DEVFORGE_URL=http://localhost:3000 DEVFORGE_TOKEN=… node terminal.mjs <container name or id> [terminal id]
 */
import { io } from 'socket.io-client';

const { DEVFORGE_URL = 'http://localhost:3000', DEVFORGE_TOKEN: token } = process.env;
const [containerId, terminalId] = process.argv.slice(2);
if (!containerId || !token) {
  console.error('DEVFORGE_TOKEN=… node terminal.mjs <container name or id> [terminal id]');
  process.exit(2);
}

const LEAVE = '\x1d'; // Ctrl-]
const { stdin, stdout } = process;
const size = () => ({ cols: stdout.columns || 80, rows: stdout.rows || 24 });
const socket = io(DEVFORGE_URL, { auth: { token }, transports: ['websocket'] });
let id = terminalId;

const ask = (event, payload) => socket.timeout(10_000).emitWithAck(event, payload);

function end(code, message) {
  if (stdin.isTTY) stdin.setRawMode(false);
  if (message) console.error(`\r\n${message}`);
  socket.close();
  process.exit(code);
}

// Listeners come first: the screen follows the answer to terminal:open at once.
socket.on('terminal:output', (output) => stdout.write(output.data));
socket.on('terminal:exit', ({ exitCode, reason }) => end(exitCode ?? 1, reason === 'exited' ? '' : reason));
socket.on('connect_error', (error) => console.error(`not connected: ${error.message}`));

// After a lost connection the same terminal is opened again, and its screen is drawn anew.
socket.on('connect', async () => {
  const answer = await ask('terminal:open', { containerId, ...size(), ...(id && { terminalId: id }) });
  if (!answer.ok) return end(1, `${answer.error.code}: ${answer.error.message}`);
  if (!id) readInput();
  id = answer.terminalId;
});
if (id) readInput();

function readInput() {
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', (data) => {
    if (stdin.isTTY && data === LEAVE) return end(0, `left running: ${id}`);
    socket.emit('terminal:input', { terminalId: id, data });
  });
  stdout.on('resize', () => socket.emit('terminal:resize', { terminalId: id, ...size() }));
}
