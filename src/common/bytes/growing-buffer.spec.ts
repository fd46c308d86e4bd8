import { describe, expect, it } from '@jest/globals';
import { GrowingBuffer } from './growing-buffer.js';

describe('GrowingBuffer', () => {
  it('joins pieces of any size and begins anew once they are taken', () => {
    const collected = new GrowingBuffer();
    const text = 'ü'.repeat(5_000);
    for (const byte of Buffer.from(text)) collected.append(Buffer.from([byte]));
    expect(collected.length).toBe(10_000);
    const taken = collected.take();
    expect(taken.toString()).toBe(text);
    expect(collected.length).toBe(0);
    collected.append(Buffer.from('next'));
    expect(collected.take().toString()).toBe('next');
    expect(taken.toString()).toBe(text);
  });

  it('keeps no reference to the pieces', () => {
    const collected = new GrowingBuffer();
    const piece = Buffer.from('a');
    collected.append(piece);
    piece.fill('b');
    expect(collected.take().toString()).toBe('a');
  });
});
