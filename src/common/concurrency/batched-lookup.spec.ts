import { describe, expect, it } from '@jest/globals';
import { BatchedLookup } from './batched-lookup.js';

class Setup {
  readonly queries: string[][] = [];
  readonly rows = new Map([['a', { id: 'a', value: 1 }]]);
  private readonly answers: (() => void)[] = [];
  readonly lookup = new BatchedLookup((ids) => {
    this.queries.push(ids);
    return new Promise<{ id: string; value: number }[]>((resolve, reject) => {
      this.answers.push(() =>
        ids.includes('broken') ? reject(new Error('broken')) : resolve(ids.flatMap((id) => this.rows.get(id) ?? [])),
      );
    });
  });

  async answer(): Promise<void> {
    await new Promise(setImmediate);
    this.answers.shift()!();
    await new Promise(setImmediate);
  }
}

describe('BatchedLookup', () => {
  it('asks one query for all ids of a moment, and the next for those that came meanwhile', async () => {
    const setup = new Setup();
    const first = ['a', 'b', 'a'].map((id) => setup.lookup.get(id));
    await new Promise(setImmediate);
    const later = Array.from({ length: 600 }, (_, at) => setup.lookup.get(`c${at}`));
    await setup.answer();
    await expect(Promise.all(first)).resolves.toEqual([{ id: 'a', value: 1 }, null, { id: 'a', value: 1 }]);
    await setup.answer();
    await setup.answer();
    await expect(Promise.all(later)).resolves.toEqual(Array(600).fill(null));
    expect(setup.queries.map(({ length }) => length)).toEqual([2, 500, 100]);
  });

  it('does not answer with what was read before it was asked', async () => {
    const setup = new Setup();
    const before = setup.lookup.get('b');
    await new Promise(setImmediate);
    const after = setup.lookup.get('b');
    await setup.answer();
    setup.rows.set('b', { id: 'b', value: 2 });
    await setup.answer();
    await expect(Promise.all([before, after])).resolves.toEqual([null, { id: 'b', value: 2 }]);
  });

  it('fails for those of a failed query alone', async () => {
    const setup = new Setup();
    const failed = setup.lookup.get('broken').catch((error: Error) => error.message);
    await setup.answer();
    await expect(failed).resolves.toBe('broken');
    const next = setup.lookup.get('a');
    await setup.answer();
    await expect(next).resolves.toEqual({ id: 'a', value: 1 });
  });
});
