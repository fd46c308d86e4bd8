import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { RandomIdGenerator } from '../common/id-generator.js';
import type { Settings } from '../config/settings.js';
import { SecretKeys } from './secret-keys.js';

describe('SecretKeys', () => {
  let dataDir: string;
  let file: string;
  const made = (secretsKeys: Buffer[] = [], logger = quietLogger()): SecretKeys =>
    new SecretKeys({ dataDir, secretsKeys } as unknown as Settings, new RandomIdGenerator(), logger);

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'devforge-keys-'));
    file = join(dataDir, 'secrets-key');
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  it('generates a key at the first start that only its owner can read, uses it again, and never logs it', async () => {
    const logger = quietLogger();
    const { current } = made([], logger);
    const text = (await readFile(file, 'utf8')).trim();
    expect(current.bytes).toEqual(Buffer.from(text, 'base64'));
    expect(current.bytes).toHaveLength(32);
    await expect(readdir(dataDir)).resolves.toEqual(['secrets-key']);
    await chmod(file, 0o644);
    expect(made([], logger).current).toEqual(current);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(logger.lines)).not.toContain(text);
    expect(text).not.toContain(current.id);
  });

  it('takes the keys of the settings, the first one to encrypt, and generates none', async () => {
    const [one, other] = [randomBytes(32), randomBytes(32)];
    const keys = made([one, other]);
    expect(keys.current.bytes).toEqual(one);
    expect(keys.find(made([other]).current.id)?.bytes).toEqual(other);
    expect(keys.find('unknown')).toBeUndefined();
    await expect(readdir(dataDir)).resolves.toEqual([]);
  });

  it('goes on decrypting with a generated key after the settings have another, and knows it in both places', async () => {
    const generated = made().current;
    const keys = made([randomBytes(32)]);
    expect(keys.current.id).not.toBe(generated.id);
    expect(keys.find(generated.id)).toEqual(generated);
    expect(made([Buffer.from((await readFile(file, 'utf8')).trim(), 'base64')]).current).toEqual(generated);
  });

  it.each(['', 'not a key'])('refuses to start with %j in the file', async (text) => {
    await writeFile(file, text);
    expect(() => made()).toThrow(file);
    expect(() => made([randomBytes(32)])).toThrow(file);
  });
});
