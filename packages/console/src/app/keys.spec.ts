import { describe, expect, it } from '@jest/globals';
import { KeySequence } from './keys.ts';

const press = (keys: string[], everyMs = 10) => {
  const sequence = new KeySequence(1_000);
  return keys.map((key, index) => sequence.press(key, 5_000 + index * everyMs)).filter((name) => name !== null);
};

describe('keys', () => {
  it('stand for something alone or one after the other', () => {
    expect(press(['?'])).toEqual(['help']);
    expect(press(['mod+k'])).toEqual(['palette']);
    expect(press(['g', 'i', 'g', 'c'])).toEqual(['inbox', 'containers']);
    expect(press(['x', 'c'])).toEqual(['create']);
  });

  it('begin anew after a while', () => {
    expect(press(['g', 'c'], 2_000)).toEqual(['create']);
    expect(press(['i'])).toEqual([]);
  });
});
