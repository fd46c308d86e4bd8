import type { Transport } from '../outbox.js';
import type { ServerMessage } from '../server-message.js';
import type { TypedSocket } from '../typed-socket.js';

/** What the published type of the connection keeps to itself. */
interface WriteBuffer {
  writeBuffer: unknown[];
}

/** A Socket.io connection as a {@link Transport}. */
export function transportOf(socket: TypedSocket): Transport {
  const { conn } = socket;
  // What a client has not taken stays in here; the WebSocket's own buffered amount reads 0.
  const waiting = conn as unknown as WriteBuffer;
  return {
    isDrained: () => socket.connected && conn.transport.writable && waiting.writeBuffer.length === 0,
    onDrain: (listener) => {
      conn.transport.on('ready', listener);
      conn.on('upgrade', () => {
        conn.transport.on('ready', listener);
        // The new one is ready already and does not say so.
        listener();
      });
    },
    send: ({ event, payload }: ServerMessage) => {
      (socket.emit as (event: string, payload: unknown) => boolean).call(socket, event, payload);
    },
  };
}
