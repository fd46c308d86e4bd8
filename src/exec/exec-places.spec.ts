import { describe, expect, it } from '@jest/globals';
import { ExecPlaces } from './exec-places.js';

describe('ExecPlaces', () => {
  const take = (places: ExecPlaces, id: string, count: number) => Array.from({ length: count }, () => places.take(id));

  it('has sixteen for a container, and one more when one is given back', () => {
    const places = new ExecPlaces();
    const taken = take(places, 'a', 16);
    expect(() => places.take('a')).toThrow(
      expect.objectContaining({ code: 'too_many_requests', retryAfterSeconds: 1 }) as unknown as Error,
    );
    taken[0]!();
    places.take('a');
    expect(() => places.take('a')).toThrow('16 commands run in this container');
    places.take('b');
  });

  it('has sixty-four for all', () => {
    const places = new ExecPlaces();
    const taken = ['a', 'b', 'c', 'd'].flatMap((id) => take(places, id, 16));
    expect(() => places.take('e')).toThrow(expect.objectContaining({ code: 'too_many_requests' }) as unknown as Error);
    for (const giveBack of taken) giveBack();
    expect(['e', 'f', 'g', 'h'].flatMap((id) => take(places, id, 16))).toHaveLength(64);
  });
});
