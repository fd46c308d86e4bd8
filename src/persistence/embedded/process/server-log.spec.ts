import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trimServerLog } from './server-log.js';

const MIB = 1024 * 1024;

describe('trimServerLog', () => {
  let folder: string;
  let log: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-log-'));
    log = join(folder, 'postgres.log');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('empties a log of more than 10 MiB, which the server then goes on to write', async () => {
    const server = await open(log, 'a');
    await server.write(Buffer.alloc(11 * MIB, 'x'));
    await trimServerLog(log);
    await server.write('the next line\n');
    await server.close();
    expect(await readFile(log, 'utf8')).toBe('the next line\n');
  });

  it('leaves a smaller log as it is, and misses none that is not there', async () => {
    await trimServerLog(log);
    await writeFile(log, 'a line\n');
    await appendFile(log, 'another\n');
    await trimServerLog(log);
    expect(await readFile(log, 'utf8')).toBe('a line\nanother\n');
  });

  it('does not follow a link', async () => {
    const other = join(folder, 'other');
    await writeFile(other, Buffer.alloc(11 * MIB));
    await symlink(other, log);
    await expect(trimServerLog(log)).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readFile(other)).toHaveLength(11 * MIB);
  });
});
