import type { TypedServer, TypedSocket } from '../typed-socket.js';

type Connection = TypedSocket['conn'];

/** Of a connection: a client may try another token. */
const MAX_ATTEMPTS = 3;
/** How a packet begins that asks for a socket, in any namespace. */
const CONNECT = '0';

/** Gives each connection one socket at most, and a few attempts to get it. */
export class ConnectAttempts {
  private readonly taken = new WeakSet<Connection>();

  /** Closes connections that ask for a socket too often, or beside the one that they have. */
  watch(server: TypedServer): void {
    server.engine.on('connection', (connection: Connection) => {
      let attempts = 0;
      connection.on('packet', ({ type, data }: { type: string; data?: unknown }) => {
        if (type !== 'message' || typeof data !== 'string' || !data.startsWith(CONNECT)) return;
        attempts += 1;
        if (attempts > MAX_ATTEMPTS || this.taken.has(connection)) connection.close(true);
      });
    });
    server.use(({ conn }, next) => {
      if (this.taken.has(conn)) {
        conn.close(true);
        return next(new Error('The connection has a socket.'));
      }
      this.taken.add(conn);
      next();
    });
  }

  /** The connection may try again: its attempt was refused. */
  refused({ conn }: TypedSocket): void {
    this.taken.delete(conn);
  }
}
