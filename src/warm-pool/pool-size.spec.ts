import { describe, expect, it } from '@jest/globals';
import { sizeOf } from './pool-size.js';

describe('the size of a warm pool', () => {
  it.each([
    ['its minimum without demand', 0, 8_192, 1, 2],
    ['what was created in a minute', 4, 8_192, 1, 4],
    ['its maximum under more demand than that', 30, 8_192, 1, 6],
    ['what the memory allows', 30, 1_024, 1, 4],
    ['its part of what the memory allows', 30, 1_024, 2, 2],
    ['nothing on a tiny machine', 30, 128, 1, 0],
  ])('is %s', (_, created, memoryMiB, pools, size) => {
    expect(sizeOf({ min: 2, max: 6 }, created, memoryMiB, pools)).toBe(size);
  });
});
