import { describe, expect, it } from '@jest/globals';
import { parseWarmPool } from './warm-pool-settings.js';

describe('parseWarmPool', () => {
  it('reads sizes of templates, with and without a network', () => {
    expect(parseWarmPool('')).toEqual([]);
    expect(parseWarmPool('claude=2, vscode/restricted=0..10,')).toEqual([
      { template: 'claude', fenced: false, min: 2, max: 2 },
      { template: 'vscode', fenced: true, min: 0, max: 10 },
    ]);
  });

  it.each(['2', 'claude', 'claude=-1', 'other=1', 'claude/none=1', 'claude=3..2', 'claude=101', 'claude=1,claude=2'])(
    'refuses %j',
    (text) => {
      expect(parseWarmPool(text)).toBeNull();
    },
  );
});
