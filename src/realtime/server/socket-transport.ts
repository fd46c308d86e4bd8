import type { Transport } from '../outbox.js';
import type { ServerMessage } from '../server-message.js';
import type { TypedSocket } from '../typed-socket.js';

/** A private member of the connection that Socket.io's types leave out. */
interface WriteBuffer {
  writeBuffer: unknown[];
}

/** Adapts a Socket.io connection to {@link Transport}. */
export function transportOf(socket: TypedSocket): Transport {
  const { conn } = socket;
  // Data that the client has not read waits in this buffer; the WebSocket's own bufferedAmount stays 0.
  const buffered = conn as unknown as WriteBuffer;
  return {
    isDrained: () => socket.connected && conn.transport.writable && buffered.writeBuffer.length === 0,
    onDrain: (listener) => {
      conn.transport.on('ready', listener);
      conn.on('upgrade', () => {
        conn.transport.on('ready', listener);
        // The new transport is ready from the start and emits no event for it.
        listener();
      });
    },
    send: ({ event, payload }: ServerMessage) => {
      (socket.emit as (event: string, payload: unknown) => boolean).call(socket, event, payload);
    },
  };
}
