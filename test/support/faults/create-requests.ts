import { setTimeout as sleep } from 'node:timers/promises';
import type { CreateContainer } from '../api/types.js';
import { uniqueName } from '../e2e/names.js';
import type { TestServer } from '../e2e/server.js';

const POLL_MS = 100;
const TIMEOUT_MS = 60_000;

/** The request for one container, which may be sent repeatedly with its idempotency key. */
interface CreateRequest {
  key: string;
  body: CreateContainer;
  id: string | undefined;
}

/** Requests containers from a server that may be killed at any moment. */
export class CreateRequests {
  private readonly requests: CreateRequest[] = [];
  private readonly pending = new Set<Promise<void>>();
  private refusal: string | undefined;

  constructor(private readonly api: TestServer['api']) {}

  /** Sends it without waiting. Without an answer, it is unknown whether the server accepted it. */
  post(body: CreateContainer): void {
    const request: CreateRequest = { key: uniqueName('key'), body, id: undefined };
    this.requests.push(request);
    this.ask(request);
  }

  /** The ids of all accepted containers, each once. */
  get ids(): string[] {
    return this.requests.flatMap(({ id }) => id ?? []);
  }

  /** Sends unanswered requests again, each with its key, until all are answered. @returns the ids */
  async settle(): Promise<string[]> {
    const deadline = Date.now() + TIMEOUT_MS;
    for (;;) {
      await Promise.all(this.pending);
      if (this.refusal !== undefined) throw new Error(`A request was refused: ${this.refusal}`);
      const open = this.requests.filter(({ id }) => id === undefined);
      if (open.length === 0) return this.ids;
      if (Date.now() > deadline) throw new Error(`${open.length} requests were never answered`);
      for (const request of open) this.ask(request);
      await sleep(POLL_MS);
    }
  }

  private ask(request: CreateRequest): void {
    const asked = this.api.create(request.body, { 'idempotency-key': request.key }).then(
      ({ status, body }) => {
        if (status === 202) request.id = body.id;
        else if (status < 500) this.refusal = `${status} ${JSON.stringify(body)}`;
      },
      () => undefined,
    );
    this.pending.add(asked);
    void asked.finally(() => this.pending.delete(asked));
  }
}
