import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDataDir } from './data-dir.js';

describe('the data directory', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'devforge-data-dir-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const prepare = (dataDir: string, more: object = {}): void =>
    prepareDataDir({ dataDir, databaseUrl: undefined, token: undefined, secretsKeys: [], ...more });

  it('is made with the directories above it', () => {
    const dataDir = join(folder, 'a', 'b');
    prepare(dataDir);
    prepare(dataDir);
    expect(existsSync(dataDir)).toBe(true);
  });

  it('that cannot be made is an error that names the setting', () => {
    writeFileSync(join(folder, 'file'), '');
    for (const dataDir of ['/proc/x', '/proc/x/y', join(folder, 'file'), join(folder, 'file', 'x')])
      expect(() => prepare(dataDir)).toThrow(/cannot be made: .*Set DATA_DIR to/);
  });

  it('is not made when nothing is kept there', () => {
    const dataDir = join(folder, 'a');
    prepare(dataDir, { databaseUrl: 'postgres://x', token: 'x', secretsKeys: [Buffer.alloc(32)] });
    expect(existsSync(dataDir)).toBe(false);
  });
});
