import { Injectable } from '@nestjs/common';
import type { SpendEntry } from '../persistence/spend/spend.repository.js';

export const TOKEN_KINDS = ['input', 'output', 'cache_read', 'cache_write'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** Counts what this process stored, for the metrics. */
@Injectable()
export class SpendCounters {
  nanos = 0;
  answers = 0;
  refused = 0;
  readonly tokens: Record<TokenKind, number> = { input: 0, output: 0, cache_read: 0, cache_write: 0 };

  count(entries: SpendEntry[]): void {
    for (const { parts, refused } of entries) {
      if (refused === null) this.answers++;
      else this.refused++;
      for (const part of parts) {
        this.nanos += part.nanos;
        this.tokens.input += part.inputTokens;
        this.tokens.output += part.outputTokens;
        this.tokens.cache_read += part.cacheReadTokens;
        this.tokens.cache_write += part.cacheWriteTokens;
      }
    }
  }
}
