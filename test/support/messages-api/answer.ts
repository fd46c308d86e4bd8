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
const PIECE_LENGTH = 8;

/** One server-sent event of a stream. */
export interface StreamEvent {
  type: string;
  [field: string]: unknown;
}

/**
 * Plays the reply to the client; returns when all of it is sent, the client is gone, or the interruption has cut it off.
 *
 * @param gone aborted when the client leaves or the server closes
 */
export async function answer(
  reply: Reply,
  body: MessagesBody,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  if (reply.kind === 'failure') return fail(reply, response);
  const { at, by } = reply.interrupted ?? {};
  const whole = body.stream !== true;
  if ((at === 'before' || (whole && at)) && !(await survivesInterruption(by, response, gone))) return;
  if (whole) return send(200, messageOf(reply, body), response);

  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...requestId(),
  });
  const events = eventsOf(reply, body);
  const middle = Math.ceil(events.length / 2);
  for (const [index, event] of events.entries()) {
    if (at === 'amid' && index === middle && !(await survivesInterruption(by, response, gone))) return;
    if (gone.aborted) return;
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (reply.paceMs !== undefined && event.type === 'content_block_delta')
      await sleep(reply.paceMs, undefined, { signal: gone }).catch(() => undefined);
  }
  if (at === 'after' && !(await survivesInterruption(by, response, gone))) return;
  response.end();
}

/** The whole stream of a turn, in order. */
export function eventsOf(turn: Turn, body: MessagesBody): StreamEvent[] {
  const { content, usage, stop_reason, ...envelope } = messageOf(turn, body);
  const start = { ...envelope, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const length = turn.pieceLength ?? (turn.paceMs === undefined ? Infinity : PIECE_LENGTH);
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
    ...piecesOf(text, length).map((piece) => ({ type: 'content_block_delta', index, delta: delta(piece) })),
    { type: 'content_block_stop', index },
  ];
}

function streamed(part: Part): { text: string; empty: object; delta: (piece: string) => object } {
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
  const called = turn.parts.some(({ type }) => type === 'tool_use');
  const said = turn.parts.map((part) => streamed(part).text).join('');
  const usage: Usage = {
    input_tokens: tokensOf(JSON.stringify(body)),
    output_tokens: tokensOf(said),
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
    stop_reason: turn.stopReason ?? (called ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    usage,
  };
}

/** Whether the answer goes on after the interruption. */
async function survivesInterruption(
  by: Interruption | undefined,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<boolean> {
  if (by === 'cut') response.destroy();
  if (by === 'error') fail(overloaded(), response);
  if (by === 'cut' || by === 'error') return false;
  const left = new Promise<void>((resolve) => gone.addEventListener('abort', () => resolve(), { once: true }));
  if (!gone.aborted) await (by instanceof Promise ? Promise.race([by, left]) : left);
  return !gone.aborted;
}

/** An answer of its own, or an `error` event in a stream that has begun. */
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

function piecesOf(text: string, length: number): string[] {
  if (text.length <= length) return [text];
  const characters = [...text];
  const pieces: string[] = [];
  for (let from = 0; from < characters.length; from += length)
    pieces.push(characters.slice(from, from + length).join(''));
  return pieces;
}

function requestId(): Record<string, string> {
  return { 'request-id': `req_${compactId()}` };
}

function compactId(): string {
  return randomUUID().replaceAll('-', '').slice(0, 24);
}
