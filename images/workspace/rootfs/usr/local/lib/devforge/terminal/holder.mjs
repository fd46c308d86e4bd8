/**
 * Holds the terminals of this container, so that they outlive whoever looks at them. Started by devforge-terminal for the
 * first one; ends with the last one.
 */
import { closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { Connection } from './connection.mjs';
import { Terminals } from './terminals.mjs';

/** In the abstract namespace: it is this container's own, only one holder can have it, and it goes when that ends. */
const ADDRESS = '\0devforge-terminal';
/** Whoever started it waits until this is closed. */
const READY_FD = 3;
const FIRST_TERMINAL_MS = 10_000;

const terminals = new Terminals(() => server.close());
const server = createServer({ allowHalfOpen: true }, (socket) => Connection.serve(socket, terminals));
server.on('error', () => process.exit(1));
server.listen(ADDRESS, () => {
  closeSync(READY_FD);
  setTimeout(() => terminals.isEmpty && server.close(), FIRST_TERMINAL_MS).unref();
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    terminals.hangUp();
    process.exit(0);
  });
}
