import type { Server, Socket } from 'socket.io';
import type { Principal } from '../auth/principal.js';
import type { Outbox } from './outbox.js';
import type { ReplicaMessages } from './replicas/replica-messages.js';
import type { ClientToServerEvents, ServerToClientEvents } from './socket-events.js';

/** What the server keeps beside each connection. */
export interface SocketData {
  principal: Principal;
  outbox: Outbox;
}

export type TypedServer = Server<ClientToServerEvents, ServerToClientEvents, ReplicaMessages, SocketData>;
export type TypedSocket = Socket<ClientToServerEvents, ServerToClientEvents, ReplicaMessages, SocketData>;

export type ServerEvent = keyof ServerToClientEvents;
export type ServerPayload<Event extends ServerEvent> = Parameters<ServerToClientEvents[Event]>[0];

/** One event with its payload; a wrong pair does not compile. */
export type ServerMessage = { [Event in ServerEvent]: { event: Event; payload: ServerPayload<Event> } }[ServerEvent];
