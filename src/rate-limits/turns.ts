import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { Clock } from '../common/time/clock.js';

/** Requests of a principal in progress while others send some as well. */
const BESIDE_OTHERS = 1;
/** Requests of a principal in progress while nobody else sends any. */
const ALONE = 16;
/** How long a principal counts as one that sends requests. */
const ACTIVE_MS = 2_000;
/** What takes longer waits for something else than this process, or follows a stream: the next one need not wait for it. */
const TURN_MS = 20;

interface Queue {
  inProgress: number;
  readonly waiting: (() => void)[];
  lastAt: number;
}

/**
 * Begins the requests of a principal one by one while there are others: one that sends many at once waits for its own, and
 * the event loop has little of them to do before it comes to the request of another one.
 */
@Injectable()
export class Turns {
  private readonly queues = new Map<string, Queue>();

  constructor(private readonly clock: Clock) {}

  /** Waits for the turn of a request, which ends with its answer or after 20 ms. */
  async wait(principalId: string, response: ServerResponse): Promise<void> {
    const now = this.clock.now().getTime();
    const queue = this.queues.get(principalId) ?? { inProgress: 0, waiting: [], lastAt: now };
    queue.lastAt = now;
    this.queues.delete(principalId);
    // The last one in the map is the last one that sent a request.
    this.queues.set(principalId, queue);
    this.forgetIdle(now);
    if (queue.inProgress < this.atOnce) queue.inProgress += 1;
    else await new Promise<void>((resolve) => queue.waiting.push(resolve));
    const end = (): void => {
      clearTimeout(timer);
      response.off('close', end);
      this.next(queue);
    };
    const timer = setTimeout(end, TURN_MS);
    if (response.destroyed) end();
    else response.once('close', end);
  }

  private get atOnce(): number {
    return this.queues.size > 1 ? BESIDE_OTHERS : ALONE;
  }

  private next(queue: Queue): void {
    queue.inProgress -= 1;
    while (queue.waiting.length > 0 && queue.inProgress < this.atOnce) {
      queue.inProgress += 1;
      queue.waiting.shift()!();
    }
  }

  private forgetIdle(now: number): void {
    for (const [id, queue] of this.queues) {
      if (queue.lastAt > now - ACTIVE_MS) break;
      if (queue.inProgress === 0) this.queues.delete(id);
    }
  }
}
