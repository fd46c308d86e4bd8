import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Failure,
  type Interruption,
  overloaded,
  type Part,
  type Reply,
  type Turn,
  type Usage,
} from './replies.js';
import type { MessagesBody } from './requests.js';

const CHARACTERS_PER_TOKEN = 4;
const CHUNK_LENGTH = 8;

/** One server-sent event of a stream. */
export interface StreamEvent {
  type: string;
  [field: string]: unknown;
}

/**
 * Sends the reply; resolves when it is complete, the client has disconnected, or the interruption has ended it.
 *
 * @param closed aborts when the client disconnects or the server closes
 */
export async function answer(
  reply: Reply,
  body: MessagesBody,
  response: ServerResponse,
  closed: AbortSignal,
): Promise<void> {
  if (reply.kind === 'failure') return fail(reply, response);
  const { at, by } = reply.interrupted ?? {};
  const isStreamed = body.stream === true;
  if ((at === 'before' || (!isStreamed && at)) && !(await survivesInterruption(by, response, closed))) return;
  if (!isStreamed) return send(200, messageOf(reply, body), response);

  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...requestId(),
  });
  const events = eventsOf(reply, body);
  const middle = Math.ceil(events.length / 2);
  for (const [index, event] of events.entries()) {
    if (at === 'during' && index === middle && !(await survivesInterruption(by, response, closed))) return;
    if (closed.aborted) return;
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (reply.chunkDelayMs !== undefined && event.type === 'content_block_delta')
      await sleep(reply.chunkDelayMs, undefined, { signal: closed }).catch(() => undefined);
  }
  if (at === 'after' && !(await survivesInterruption(by, response, closed))) return;
  response.end();
}

/** All stream events of a turn, in order. */
export function eventsOf(turn: Turn, body: MessagesBody): StreamEvent[] {
  const { content, usage, stop_reason, ...envelope } = messageOf(turn, body);
  const start = { ...envelope, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const length = turn.chunkLength ?? (turn.chunkDelayMs === undefined ? Infinity : CHUNK_LENGTH);
  return [
    { type: 'message_start', message: start },
    ...content.flatMap((part, index) => partEvents(part, index, length)),
    {
      type: 'message_delta',
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: 'message_stop' },
  ];
}

function partEvents(part: Part, index: number, length: number): StreamEvent[] {
  const { text, empty, delta } = streamed(part);
  return [
    { type: 'content_block_start', index, content_block: empty },
    ...chunksOf(text, length).map((chunk) => ({ type: 'content_block_delta', index, delta: delta(chunk) })),
    { type: 'content_block_stop', index },
  ];
}

function streamed(part: Part): { text: string; empty: object; delta: (chunk: string) => object } {
  switch (part.type) {
    case 'text':
      return { text: part.text, empty: { type: 'text', text: '' }, delta: (text) => ({ type: 'text_delta', text }) };
    case 'thinking':
      return {
        text: part.thinking,
        empty: { type: 'thinking', thinking: '', signature: '' },
        delta: (thinking) => ({ type: 'thinking_delta', thinking }),
      };
    case 'tool_use':
      return {
        text: JSON.stringify(part.input),
        empty: { ...part, input: {} },
        delta: (partial_json) => ({ type: 'input_json_delta', partial_json }),
      };
  }
}

function messageOf(turn: Turn, body: MessagesBody) {
  const callsTool = turn.parts.some(({ type }) => type === 'tool_use');
  const text = turn.parts.map((part) => streamed(part).text).join('');
  const usage: Usage = {
    input_tokens: tokensOf(JSON.stringify(body)),
    output_tokens: tokensOf(text),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    ...turn.usage,
  };
  return {
    id: `msg_${compactId()}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: turn.parts.map((part) =>
      part.type === 'tool_use' ? { ...part, id: part.id ?? `toolu_${compactId()}` } : part,
    ),
    stop_reason: turn.stopReason ?? (callsTool ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    usage,
  };
}

/** @returns whether the response continues after the interruption */
async function survivesInterruption(
  by: Interruption | undefined,
  response: ServerResponse,
  closed: AbortSignal,
): Promise<boolean> {
  if (by === 'cut') response.destroy();
  if (by === 'error') fail(overloaded(), response);
  if (by === 'cut' || by === 'error') return false;
  const disconnected = new Promise<void>((resolve) =>
    closed.addEventListener('abort', () => resolve(), { once: true }),
  );
  if (!closed.aborted) await (by instanceof Promise ? Promise.race([by, disconnected]) : disconnected);
  return !closed.aborted;
}

/** Sends an error response, or an `error` event when the stream has started. */
function fail({ status, type, message, headers }: Failure, response: ServerResponse): void {
  const error = { type: 'error', error: { type, message } };
  if (!response.headersSent) return send(status, error, response, headers);
  response.end(`event: error\ndata: ${JSON.stringify(error)}\n\n`);
}

export function send(
  status: number,
  body: unknown,
  response: ServerResponse,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...requestId(), ...headers })
    .end(JSON.stringify(body));
}

export function tokensOf(text: string): number {
  return Math.max(1, Math.ceil(text.length / CHARACTERS_PER_TOKEN));
}

function chunksOf(text: string, length: number): string[] {
  if (text.length <= length) return [text];
  const characters = [...text];
  const chunks: string[] = [];
  for (let from = 0; from < characters.length; from += length)
    chunks.push(characters.slice(from, from + length).join(''));
  return chunks;
}

function requestId(): Record<string, string> {
  return { 'request-id': `req_${compactId()}` };
}

function compactId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 24);
}
