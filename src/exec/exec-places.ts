import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';

const MOST_OF_A_CONTAINER = 16;
const MOST = 64;

/** Bounds how many commands run at once, and thereby what their outputs take. */
@Injectable()
export class ExecPlaces {
  private readonly taken = new Map<string, number>();
  private total = 0;

  /** @returns what gives the place back @throws DomainError `too_many_requests` */
  take(containerId: string): () => void {
    const ofContainer = this.taken.get(containerId) ?? 0;
    if (ofContainer >= MOST_OF_A_CONTAINER) throw tooMany(`${MOST_OF_A_CONTAINER} commands run in this container`);
    if (this.total >= MOST) throw tooMany(`${MOST} commands run`);
    this.taken.set(containerId, ofContainer + 1);
    this.total += 1;
    return () => this.giveBack(containerId);
  }

  private giveBack(containerId: string): void {
    const left = (this.taken.get(containerId) ?? 1) - 1;
    if (left === 0) this.taken.delete(containerId);
    else this.taken.set(containerId, left);
    this.total -= 1;
  }
}

function tooMany(what: string): DomainError {
  return new DomainError('too_many_requests', `${what} at the same time; wait for one of them.`, {
    retryAfterSeconds: 1,
  });
}
