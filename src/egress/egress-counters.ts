import { Injectable } from '@nestjs/common';
import type { EgressDenialReason } from '../persistence/types.js';

/** Counts refused connections that this process stored, for the metrics. */
@Injectable()
export class EgressCounters {
  readonly denied = new Map<EgressDenialReason, number>();

  count(reason: EgressDenialReason, attempts: number): void {
    this.denied.set(reason, (this.denied.get(reason) ?? 0) + attempts);
  }
}
