import { DomainError } from '../common/errors/domain-error.js';

const MOST_AT_ONCE = 8;
const MOST_WAITING = 1_000;
const LONGEST_WAIT_MS = 30_000;

interface Line {
  busy: number;
  waiting: Set<() => void>;
}

/** Lets a few at a time through for each container, the others in their order. */
export class Turns {
  private readonly lines = new Map<string, Line>();

  /** @returns what ends the turn @throws DomainError `too_many_requests` when too many wait, or one for too long */
  async take(containerId: string, left: AbortSignal): Promise<() => void> {
    const line = this.lines.get(containerId) ?? { busy: 0, waiting: new Set() };
    this.lines.set(containerId, line);
    if (line.busy >= MOST_AT_ONCE) await this.wait(line, left);
    else line.busy += 1;
    return () => this.end(containerId, line);
  }

  /** A turn that ends is handed to the one who has waited longest. */
  private wait(line: Line, left: AbortSignal): Promise<void> {
    if (line.waiting.size >= MOST_WAITING) throw tooMany();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        line.waiting.delete(go);
        left.removeEventListener('abort', giveUp);
      };
      const go = (): void => {
        leave();
        resolve();
      };
      const giveUp = (): void => {
        leave();
        reject(tooMany());
      };
      const timer = setTimeout(giveUp, LONGEST_WAIT_MS);
      left.addEventListener('abort', giveUp);
      line.waiting.add(go);
    });
  }

  private end(containerId: string, line: Line): void {
    const [next] = line.waiting;
    if (next !== undefined) return next();
    line.busy -= 1;
    if (line.busy === 0) this.lines.delete(containerId);
  }
}

function tooMany(): DomainError {
  return new DomainError(
    'too_many_requests',
    'Too many requests for files of this container at the same time; wait for some of them.',
    { retryAfterSeconds: 1 },
  );
}
