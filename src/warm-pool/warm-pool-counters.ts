/** Whether a workspace was there for a container that could have claimed one. */
export type ClaimOutcome = 'hit' | 'miss';

import { Injectable } from '@nestjs/common';

/** Counts claims since the start of this process. */
@Injectable()
export class WarmPoolCounters {
  readonly claims: Record<ClaimOutcome, number> = { hit: 0, miss: 0 };

  count(outcome: ClaimOutcome): void {
    this.claims[outcome] += 1;
  }
}
