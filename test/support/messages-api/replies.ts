/** One content block of a model's turn. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string }
  | { type: 'tool_use'; id?: string; name: string; input: Record<string, unknown> };

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens?: number;
  cache_read_input_tokens?: number;
  cache_creation?: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number };
}

/** Before the first byte, in the middle of the stream, or after `message_stop` with the connection still open. */
export type InterruptionPoint = 'before' | 'during' | 'after';

/**
 * `hang`: nothing more is sent. `cut`: the connection is closed. `error`: an `error` event is sent, or status 529 before
 * the first byte. A promise: the response continues when it resolves.
 */
export type Interruption = 'hang' | 'cut' | 'error' | Promise<unknown>;

export interface Turn {
  kind: 'turn';
  parts: Part[];
  /** By default `tool_use` for a turn with a tool call, else `end_turn`. */
  stopReason?: string;
  /** By default computed from the lengths of the texts. */
  usage?: Partial<Usage>;
  /** Delay between two chunks of the stream, in milliseconds; none by default. */
  chunkDelayMs?: number;
  /** Characters in one chunk; by default a block is one chunk, or 8 characters with a delay. */
  chunkLength?: number;
  interrupted?: { at: InterruptionPoint; by: Interruption };
}

export interface Failure {
  kind: 'failure';
  status: number;
  type: string;
  message: string;
  headers: Record<string, string>;
}

export type Reply = Turn | Failure;
export type TurnOptions = Omit<Turn, 'kind' | 'parts'>;

export function turn(parts: Part[], options: TurnOptions = {}): Turn {
  return { kind: 'turn', parts, ...options };
}

/** A final answer. */
export function say(text: string, options?: TurnOptions): Turn {
  return turn([{ type: 'text', text }], options);
}

/** A call of one of Claude Code's tools, such as `Bash` with `{ command }` or `Write` with `{ file_path, content }`. */
export function call(name: string, input: Record<string, unknown>, options?: TurnOptions): Turn {
  return turn([{ type: 'tool_use', name, input }], options);
}

export function bash(command: string, options?: TurnOptions): Turn {
  return call('Bash', { command, description: 'Run a command' }, options);
}

export function failure(status: number, type: string, message: string, headers: Record<string, string> = {}): Failure {
  return { kind: 'failure', status, type, message, headers };
}

export function unauthorized(): Failure {
  return failure(401, 'authentication_error', 'invalid x-api-key');
}

export function rateLimited(retryAfterSeconds = 1): Failure {
  return failure(429, 'rate_limit_error', 'This request would exceed the rate limit.', {
    'retry-after': String(retryAfterSeconds),
  });
}

export function overloaded(): Failure {
  return failure(529, 'overloaded_error', 'Overloaded');
}
