import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';

const FOLDER = new URL('./migrations/', import.meta.url);

interface Journal {
  entries: { idx: number; when: number; tag: string }[];
}

describe('migrations', () => {
  const { entries } = JSON.parse(readFileSync(new URL('meta/_journal.json', FOLDER), 'utf8')) as Journal;

  // drizzle-orm applies those whose time is after that of the latest one in the database.
  it('have times that increase, or an upgrade would leave one out', () => {
    const times = entries.map(({ when }) => when);
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
  });

  it('are those of the folder', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.sql'));
    expect(entries.map(({ tag }) => `${tag}.sql`)).toEqual(files.toSorted());
    expect(entries.map(({ idx }) => idx)).toEqual(entries.map((_, at) => at));
  });
});
