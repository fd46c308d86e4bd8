import { setTimeout as sleep } from 'node:timers/promises';
import type { CreateContainer } from '../api/types.js';
import { uniqueName } from '../e2e/names.js';
import type { TestServer } from '../e2e/server.js';

const POLL_MS = 100;
const PATIENCE_MS = 60_000;

/** One container that was asked for, perhaps more than once, under one key. */
interface Wish {
  key: string;
  body: CreateContainer;
  id: string | undefined;
}

/** Asks for containers from a server that may die at any moment. */
export class Wishes {
  private readonly wishes: Wish[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private refusal: string | undefined;

  constructor(private readonly api: TestServer['api']) {}

  /** Posts it and does not wait; an answer that never comes leaves open whether it was taken. */
  post(body: CreateContainer): void {
    const wish: Wish = { key: uniqueName('key'), body, id: undefined };
    this.wishes.push(wish);
    this.ask(wish);
  }

  /** The ids of all that were accepted, each once. */
  get ids(): string[] {
    return this.wishes.flatMap(({ id }) => id ?? []);
  }

  /** Repeats what was left open, each under its key, until all is answered. */
  async settle(): Promise<string[]> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      await Promise.all(this.underWay);
      if (this.refusal !== undefined) throw new Error(`A request was refused: ${this.refusal}`);
      const open = this.wishes.filter(({ id }) => id === undefined);
      if (open.length === 0) return this.ids;
      if (Date.now() > deadline) throw new Error(`${open.length} requests were never answered`);
      for (const wish of open) this.ask(wish);
      await sleep(POLL_MS);
    }
  }

  private ask(wish: Wish): void {
    const asked = this.api.create(wish.body, { 'idempotency-key': wish.key }).then(
      ({ status, body }) => {
        if (status === 202) wish.id = body.id;
        else if (status < 500) this.refusal = `${status} ${JSON.stringify(body)}`;
      },
      () => undefined,
    );
    this.underWay.add(asked);
    void asked.finally(() => this.underWay.delete(asked));
  }
}
