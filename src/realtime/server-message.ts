import type { ServerToClientEvents } from '@devforge/contract';

export type ServerEvent = keyof ServerToClientEvents;
export type ServerPayload<Event extends ServerEvent> = Parameters<ServerToClientEvents[Event]>[0];

/** One event with its payload; a wrong pair does not compile. */
export type ServerMessage = { [Event in ServerEvent]: { event: Event; payload: ServerPayload<Event> } }[ServerEvent];
