import { type ApiClient, type ApiResponse, type Headers, ok } from '../api/client.js';
import type { StatusReason } from '../api/types.js';
import { until } from '../e2e/until.js';

/** The body of `POST /api/containers/:id/instructions`. */
export interface CreateInstruction {
  prompt: string;
  sessionId?: string;
  continue?: boolean;
  model?: string;
  maxTurns?: number;
  maxBudgetUsd?: number;
  budgetUsd?: number;
  timeoutSeconds?: number;
  startIfStopped?: boolean;
}

export interface Instruction {
  id: string;
  containerId: string;
  prompt: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timed_out';
  statusReason: StatusReason | null;
  sessionId: string | null;
  result: string | null;
  costUsd: number | null;
  costEstimated: boolean;
  turns: number | null;
  usage: Record<string, unknown> | null;
  permissions: { requestId: string; toolName: string; input: Record<string, unknown>; askedAt: string }[];
  timeoutSeconds: number | null;
  budgetUsd: number | null;
  diff: { bytes: number; truncated: boolean; files: number; insertions: number; deletions: number } | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  lastSeq: number;
}

export interface InstructionEvent {
  seq: number;
  event: { type: string; subtype?: string; session_id?: string; [field: string]: unknown };
}

const END_MS = 90_000;

/** The REST calls of instructions, for tests. */
export class InstructionsClient {
  constructor(
    private readonly api: ApiClient,
    private readonly token: string,
  ) {}

  post(
    container: string,
    body: CreateInstruction | Record<string, unknown>,
    headers: Headers = {},
  ): Promise<ApiResponse<Instruction>> {
    return this.api.request('POST', `/api/containers/${container}/instructions`, { body, headers });
  }

  async create(container: string, prompt: string, more: Partial<CreateInstruction> = {}): Promise<Instruction> {
    return ok(await this.post(container, { prompt, ...more }));
  }

  list(
    container: string,
    query: Record<string, string | number> = {},
  ): Promise<ApiResponse<{ items: Instruction[]; nextCursor: string | null }>> {
    return this.api.request('GET', `/api/containers/${container}/instructions`, { query });
  }

  get(id: string): Promise<ApiResponse<Instruction>> {
    return this.api.request('GET', `/api/instructions/${id}`);
  }

  cancel(id: string): Promise<ApiResponse<Instruction>> {
    return this.api.request('POST', `/api/instructions/${id}/cancel`);
  }

  answer(id: string, requestId: string, body: unknown): Promise<ApiResponse<Instruction>> {
    return this.api.request('POST', `/api/instructions/${id}/permissions/${encodeURIComponent(requestId)}`, { body });
  }

  diff(id: string): Promise<ApiResponse<string>> {
    return this.api.request('GET', `/api/instructions/${id}/diff`);
  }

  /** Polls until the condition holds, also across restarts of the server. */
  waitFor(
    id: string,
    what: string,
    condition: (instruction: Instruction) => boolean,
    timeoutMs = END_MS,
  ): Promise<Instruction> {
    let last: unknown;
    const seen = until(
      `instruction ${id} ${what}`,
      async () => {
        const { body } = await this.get(id);
        last = body;
        return condition(body) && body;
      },
      timeoutMs,
    );
    return seen.catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last)}`);
    });
  }

  waitForEnd(id: string, timeoutMs = END_MS): Promise<Instruction> {
    return this.waitFor(id, 'to end', ({ finishedAt }) => finishedAt !== null, timeoutMs);
  }

  /** The streaming response of the events. */
  stream(
    id: string,
    query: Record<string, string | number | boolean> = {},
    headers: Headers = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    const url = new URL(`/api/instructions/${id}/events`, this.api.url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    return fetch(url, {
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      signal: signal ?? AbortSignal.timeout(END_MS),
    });
  }

  /** All events until the response ends. */
  async events(id: string, query: Record<string, string | number | boolean> = {}): Promise<InstructionEvent[]> {
    const response = await this.stream(id, query);
    return (await response.text())
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as InstructionEvent);
  }

  /** Each event as it arrives, until the response ends. */
  async *follow(id: string, after = 0, signal?: AbortSignal): AsyncGenerator<InstructionEvent> {
    const response = await this.stream(id, { after, follow: true }, {}, signal);
    let rest = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line) as InstructionEvent;
    }
  }
}

export function seqsOf(events: InstructionEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

export function range(last: number, from = 1): number[] {
  return Array.from({ length: last - from + 1 }, (_, index) => from + index);
}
