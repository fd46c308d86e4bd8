import { NDJSON_TYPE } from '../../http/ndjson.js';
import type { StoredEvent } from '../../persistence/instructions/instruction-events.repository.js';
import { toEventText } from './event-text.js';

/** How events are written to a client. Events are JSON texts and are embedded as they are, without parsing. */
export interface EventFormat {
  contentType: string;
  write(events: StoredEvent[]): string;
  /** Sent at intervals without events; empty where the format has no comments. */
  heartbeat: string;
  /** Sent after the last event. */
  end: string;
}

export const NDJSON: EventFormat = {
  contentType: NDJSON_TYPE,
  write: (events) => events.map(({ seq, event }) => `{"seq":${seq},"event":${event}}\n`).join(''),
  heartbeat: '',
  end: '',
};

/** Its `end` event tells a browser's EventSource to close, which would otherwise reconnect. */
export const SSE: EventFormat = {
  contentType: 'text/event-stream',
  // A carriage return ends a line in this format, and is only white space in JSON.
  write: (events) =>
    events
      .map(({ seq, event }) => `id: ${seq}\ndata: {"seq":${seq},"event":${event.replaceAll('\r', ' ')}}\n\n`)
      .join(''),
  heartbeat: ': idle\n\n',
  end: 'event: end\ndata: {}\n\n',
};

/** For people: a line or a block for each step. */
export const TEXT: EventFormat = {
  contentType: 'text/plain',
  write: (events) => events.map(({ event }) => toEventText(event)).join(''),
  heartbeat: '',
  end: '',
};

/** Formats pages of events, each empty page as a heartbeat. */
export async function* formatPages(pages: AsyncIterable<StoredEvent[]>, format: EventFormat): AsyncGenerator<string> {
  for await (const page of pages) yield page.length === 0 ? format.heartbeat : format.write(page);
  yield format.end;
}
