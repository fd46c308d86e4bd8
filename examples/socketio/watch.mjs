/**
 * Follows a container: its status, its logs and its metrics, as DevForge pushes them. Ctrl-C ends it.
 *
 *   npm install socket.io-client
 *   DEVFORGE_URL=http://localhost:3000 DEVFORGE_TOKEN=… node watch.mjs <container name or id>
 */
import { io } from 'socket.io-client';

const { DEVFORGE_URL = 'http://localhost:3000', DEVFORGE_TOKEN: token } = process.env;
const [containerId] = process.argv.slice(2);
if (!containerId || !token) {
  console.error('DEVFORGE_TOKEN=… node watch.mjs <container name or id>');
  process.exit(2);
}

const socket = io(DEVFORGE_URL, { auth: { token }, transports: ['websocket'] });

/** Sends an event and waits for its acknowledgement. */
async function ask(event, payload) {
  const answer = await socket.timeout(10_000).emitWithAck(event, payload);
  if (!answer.ok) throw new Error(`${event}: ${answer.error.code}: ${answer.error.message}`);
  return answer;
}

// Subscriptions belong to a connection: after a lost one they are made again, and logs start with the latest lines.
socket.on('connect', async () => {
  try {
    await ask('subscribe:status', { containerId });
    await ask('subscribe:logs', { containerId, tail: 10 });
    await ask('subscribe:metrics', { containerId, interval: 1000 });
    console.log(`watching ${containerId}`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
});
socket.on('connect_error', (error) => console.error(`not connected: ${error.message}`));

socket.on('status:update', ({ status, statusReason, agent }) => {
  const reason = statusReason ? ` (${statusReason.code})` : '';
  console.log(`status   ${status}${reason}, agent ${agent?.state ?? 'unknown'}`);
});
socket.on('status:removed', () => {
  console.log('status   deleted');
  process.exit(0);
});

const printLines = ({ lines }) => {
  for (const { stream, message } of lines) console.log(`${stream}   ${message}`);
};
socket.on('logs:initial', printLines);
socket.on('logs:update', printLines);
socket.on('logs:dropped', ({ count }) => console.log(`logs     ${count ?? 'some'} lines were dropped`));
socket.on('logs:end', ({ reason }) => console.log(`logs     end: ${reason}`));

socket.on('metrics:update', ({ metrics: { cpu, memory, pids } }) => {
  console.log(`metrics  cpu ${cpu.percent} %, memory ${memory.usedMB} of ${memory.limitMB} MB, ${pids} processes`);
});
for (const event of ['logs:error', 'metrics:error']) {
  socket.on(event, ({ error }) => console.log(`${event}  ${error.code}: ${error.message}`));
}
