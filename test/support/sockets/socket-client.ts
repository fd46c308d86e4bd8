import { io, type Socket } from 'socket.io-client';
import type { ClientToServerEvents, ServerToClientEvents } from '@devforge/contract';

type ClientSocket = Socket<ServerToClientEvents, ClientToServerEvents>;
type ServerEvent = keyof ServerToClientEvents;
type Payload<Event extends ServerEvent> = Parameters<ServerToClientEvents[Event]>[0];

export interface SocketOptions {
  /** Token of the handshake; none by default. */
  token?: string;
  origin?: string;
  /** Of a session. */
  cookie?: string;
  /** WebSocket alone by default. */
  transports?: ('websocket' | 'polling')[];
}

/** A Socket.io client that records every event it receives. */
export class SocketClient {
  private readonly received: { event: string; payload: unknown; at: number }[] = [];

  private constructor(readonly socket: ClientSocket) {
    socket.onAny((event: string, payload: unknown) => this.received.push({ event, payload, at: Date.now() }));
  }

  /** @throws Error with the server's reason when it rejects the connection */
  static connect(
    url: string,
    { token, origin, cookie, transports = ['websocket'] }: SocketOptions = {},
  ): Promise<SocketClient> {
    const socket: ClientSocket = io(url, {
      reconnection: false,
      transports,
      forceNew: true,
      auth: token === undefined ? {} : { token },
      extraHeaders: { ...(origin === undefined ? {} : { origin }), ...(cookie === undefined ? {} : { cookie }) },
    });
    return new Promise((resolve, reject) => {
      const client = new SocketClient(socket);
      socket.once('connect', () => resolve(client));
      socket.once('connect_error', (error) => {
        socket.close();
        reject(error);
      });
    });
  }

  /** Sends any event with any payload and waits for the acknowledgement. */
  ask(event: string, ...payload: unknown[]): Promise<{ ok: boolean; error?: { code: string; message: string } }> {
    const untyped = this.socket as unknown as Socket;
    return untyped.timeout(5_000).emitWithAck(event, ...payload);
  }

  /** Payloads of one event so far, oldest first. */
  all<Event extends ServerEvent>(event: Event): Payload<Event>[] {
    return this.received.filter((each) => each.event === event).map((each) => each.payload as Payload<Event>);
  }

  /** As {@link all}, each with its time of arrival in milliseconds since the epoch. */
  timed<Event extends ServerEvent>(event: Event): { at: number; payload: Payload<Event> }[] {
    return this.received
      .filter((each) => each.event === event)
      .map(({ at, payload }) => ({ at, payload: payload as Payload<Event> }));
  }

  close(): void {
    this.socket.close();
  }
}
