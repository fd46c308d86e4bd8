import type { StoredEvent } from '../../persistence/instructions/instruction-events.repository.js';

/** How events are written to a client. The documents are put together as text: none of them is parsed. */
export interface EventFormat {
  contentType: string;
  write(events: StoredEvent[]): string;
  /** What tells that the connection lives, where the format has such a thing. */
  idle: string;
  /** What tells that nothing follows. */
  end: string;
}

export const NDJSON: EventFormat = {
  contentType: 'application/x-ndjson',
  write: (events) => events.map(({ seq, event }) => `{"seq":${seq},"event":${event}}\n`).join(''),
  idle: '',
  end: '',
};

/** The last event tells a browser's EventSource to close: left alone it would ask again. */
export const SSE: EventFormat = {
  contentType: 'text/event-stream',
  // A carriage return ends a line there; in JSON it is white space wherever it may stand.
  write: (events) =>
    events
      .map(({ seq, event }) => `id: ${seq}\ndata: {"seq":${seq},"event":${event.replaceAll('\r', ' ')}}\n\n`)
      .join(''),
  idle: ': idle\n\n',
  end: 'event: end\ndata: {}\n\n',
};
