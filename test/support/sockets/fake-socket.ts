import { EventEmitter } from 'node:events';
import { ADMINISTRATOR, type Identity } from '../../../src/auth/principal.js';
import { Outbox } from '../../../src/realtime/outbox.js';
import { transportOf } from '../../../src/realtime/server/socket-transport.js';
import { SocketUsage } from '../../../src/realtime/socket-usage.js';
import type { TypedSocket } from '../../../src/realtime/typed-socket.js';

export interface SentMessage {
  event: string;
  payload: Record<string, unknown>;
}

class FakeEngineTransport extends EventEmitter {
  writable = true;
}

/** The server side of a connection. While it is paused, a sent message stays in the process until `drain` is called. */
export class FakeSocket {
  connected = true;
  readonly sent: SentMessage[] = [];
  readonly conn = Object.assign(new EventEmitter(), {
    transport: new FakeEngineTransport(),
    writeBuffer: [] as unknown[],
  });
  readonly data: { identity: Identity; outbox: Outbox; usage: SocketUsage };

  /** @param isPaused whether messages stay in the process until `drain` is called */
  constructor(public isPaused = false) {
    const usage = new SocketUsage({ sockets: 10, subscriptions: 100_000 });
    this.data = { identity: ADMINISTRATOR, outbox: new Outbox(transportOf(this.typed)), usage };
  }

  get typed(): TypedSocket {
    return this as unknown as TypedSocket;
  }

  emit(event: string, payload: Record<string, unknown>): boolean {
    this.sent.push({ event, payload });
    if (this.isPaused) this.conn.transport.writable = false;
    return true;
  }

  drain(): void {
    this.conn.transport.writable = true;
    this.conn.transport.emit('ready');
  }

  /** Upgrades from polling to a WebSocket, which is writable from the start. */
  upgrade(): void {
    this.conn.transport = new FakeEngineTransport();
    this.conn.emit('upgrade', this.conn.transport);
  }

  of(event: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message.event === event).map(({ payload }) => payload);
  }
}
