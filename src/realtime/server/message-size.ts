import { LIMITS } from '../../common/limits.js';
import type { TypedSocket } from '../typed-socket.js';

/** Of any event but terminal input, and of a client that has not authenticated. */
export const MAX_MESSAGE_BYTES = 128 * 1024;
/** Each character of terminal input takes up to six bytes of JSON. */
export const MAX_INPUT_MESSAGE_BYTES = 6 * LIMITS.terminalInputCharacters + 4_096;

type Connection = TypedSocket['conn'];

/** Private members of engine.io's transports, and of the WebSocket that one of them has. */
interface LimitedTransport {
  maxHttpBufferSize?: number;
  socket?: { _receiver?: { _maxPayload: number } };
}

/** Allows longer messages on one connection. Engine.io has one limit for all, which strangers must not be given. */
export function raiseMessageLimit(connection: Connection, bytes: number): void {
  const raise = (transport: unknown): void => {
    const limited = transport as LimitedTransport;
    limited.maxHttpBufferSize = bytes;
    const receiver = limited.socket?._receiver;
    if (receiver !== undefined) receiver._maxPayload = bytes;
  };
  raise(connection.transport);
  connection.on('upgrade', raise);
}

/** Measures what arrives on a connection, and closes it when one message becomes longer than allowed, with its attachments. */
export class MessageSizes {
  private size = 0;

  constructor(connection: Connection, maxBytes: number) {
    connection.on('packet', ({ type, data }: { type: string; data?: string | Buffer }) => {
      if (type !== 'message' || data === undefined) return;
      this.size += data.length;
      if (this.size > maxBytes) connection.close(true);
    });
  }

  /** Characters, or bytes of attachments, that have arrived since the last call. */
  take(): number {
    const { size } = this;
    this.size = 0;
    return size;
  }
}
