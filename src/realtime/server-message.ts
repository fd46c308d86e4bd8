import type { ServerToClientEvents } from '@devforge/contract';

export type ServerEvent = keyof ServerToClientEvents;
export type ServerPayload<Event extends ServerEvent> = Parameters<ServerToClientEvents[Event]>[0];

/** An event with its payload. */
export type ServerMessage = { [Event in ServerEvent]: { event: Event; payload: ServerPayload<Event> } }[ServerEvent];
