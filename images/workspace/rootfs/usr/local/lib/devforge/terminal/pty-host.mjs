/**
 * Runs the terminals of this container, so that they outlive the connections to them. Started by devforge-terminal for the
 * first terminal; ends after the last one.
 */
import { closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { Connection } from './connection.mjs';
import { TerminalList } from './terminal-list.mjs';

/** In the abstract namespace: private to this container, held by one process only, and freed when that ends. */
const ADDRESS = '\0devforge-terminal';
/** The process that started this one waits until this descriptor is closed. */
const READY_FD = 3;
const FIRST_TERMINAL_TIMEOUT_MS = 10_000;
/** Output that a connection may hold before its terminal is paused, so that none of the processes on the way waits for each piece. */
const OUTPUT_BUFFER_BYTES = 256 * 1024;

const terminals = new TerminalList(() => server.close());
const server = createServer({ allowHalfOpen: true, highWaterMark: OUTPUT_BUFFER_BYTES }, (socket) =>
  Connection.serve(socket, terminals),
);
server.on('error', () => process.exit(1));
server.listen(ADDRESS, () => {
  closeSync(READY_FD);
  setTimeout(() => terminals.isEmpty && server.close(), FIRST_TERMINAL_TIMEOUT_MS).unref();
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => {
    terminals.end();
    process.exit(0);
  });
}
