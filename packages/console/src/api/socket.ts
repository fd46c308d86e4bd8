import type { Acknowledgement, ClientToServerEvents, ServerToClientEvents } from '@devforge/contract';
import { io, type Socket } from 'socket.io-client';

export type ConsoleSocket = Socket<ServerToClientEvents, ClientToServerEvents>;
export type Connection = 'connecting' | 'connected' | 'lost';

/** The one connection of the page. It is authenticated by the cookie of the session. */
export const socket: ConsoleSocket = io({ autoConnect: false, transports: ['websocket'], reconnectionDelayMax: 3_000 });

let connection: Connection = 'connecting';
const listeners = new Set<() => void>();

function change(next: Connection): void {
  connection = next;
  for (const listener of listeners) listener();
}

socket.on('connect', () => change('connected'));
socket.on('disconnect', () => change('lost'));
socket.on('connect_error', () => change('lost'));

export const connectionStore = {
  get: (): Connection => connection,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** @throws Error with what the server said */
export function expectOk<Details extends object>(answer: Acknowledgement<Details>): Details {
  if (!answer.ok) throw new Error(answer.error.message);
  return answer;
}

/**
 * Runs `begin` now, if there is a connection, and whenever there is a new one: the server forgets subscriptions with it.
 * @returns ends it
 */
export function whileConnected(begin: () => void, end?: () => void): () => void {
  if (socket.connected) begin();
  socket.on('connect', begin);
  return () => {
    socket.off('connect', begin);
    if (socket.connected) end?.();
  };
}
