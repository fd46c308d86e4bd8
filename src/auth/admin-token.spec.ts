import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { RandomIdGenerator } from '../common/id-generator.js';
import type { Settings } from '../config/settings.js';
import { AdminToken } from './admin-token.js';

describe('AdminToken', () => {
  let base: string;
  let dataDir: string;
  let file: string;
  const made = (settings: Partial<Settings>): AdminToken =>
    new AdminToken({ dataDir, ...settings } as Settings, new RandomIdGenerator(), quietLogger());

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'devforge-token-'));
    dataDir = join(base, 'not', 'there', 'yet');
    file = join(dataDir, 'admin-token');
  });

  afterEach(() => rm(base, { recursive: true }));

  it('generates a token at the first start that only its owner can read, and leaves no other file', async () => {
    const token = made({});
    const kept = (await readFile(file, 'utf8')).trim();
    expect(kept).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(readdir(dataDir)).resolves.toEqual(['admin-token']);
    expect(token.matches(kept)).toBe(true);
    expect(token.matches(`${kept}x`)).toBe(false);
    expect(token.matches('')).toBe(false);
  });

  it('reuses the stored token, and makes its file private again', async () => {
    made({});
    const kept = (await readFile(file, 'utf8')).trim();
    await chmod(file, 0o644);
    expect(made({}).matches(kept)).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('takes the token of the settings, and creates no file', async () => {
    const token = made({ token: 'the operator said so' });
    expect(token.matches('the operator said so')).toBe(true);
    expect(token.matches('the operator said s')).toBe(false);
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses to start with an empty token file', async () => {
    made({});
    await writeFile(file, '\n');
    expect(() => made({})).toThrow('is empty: remove the file');
  });

  it('never logs the token', async () => {
    const logger = quietLogger();
    const token = new AdminToken({ dataDir } as Settings, new RandomIdGenerator(), logger);
    expect(token.matches('')).toBe(false);
    expect(logger.lines).toHaveLength(1);
    expect(JSON.stringify(logger.lines)).not.toContain((await readFile(file, 'utf8')).trim());
  });

  it('derives one key per purpose, the same wherever the token is the same', () => {
    const [one, same, other] = [
      made({ token: 'a'.repeat(20) }),
      made({ token: 'a'.repeat(20) }),
      made({ token: 'b'.repeat(20) }),
    ];
    expect(one.deriveKey('x')).toEqual(same.deriveKey('x'));
    expect(one.deriveKey('x')).not.toEqual(one.deriveKey('y'));
    expect(one.deriveKey('x')).not.toEqual(other.deriveKey('x'));
  });
});
