import type { Server, Socket } from 'socket.io';
import type { Identity } from '../auth/principal.js';
import type { SocketUsage } from './socket-usage.js';
import type { Outbox } from './outbox.js';
import type { ClusterMessages } from './cluster/cluster-messages.js';
import type { ClientToServerEvents, ServerToClientEvents } from '@devforge/contract';

/** Data that the server keeps with each connection. */
export interface SocketData {
  identity: Identity;
  outbox: Outbox;
  usage: SocketUsage;
}

export type TypedServer = Server<ClientToServerEvents, ServerToClientEvents, ClusterMessages, SocketData>;
export type TypedSocket = Socket<ClientToServerEvents, ServerToClientEvents, ClusterMessages, SocketData>;
