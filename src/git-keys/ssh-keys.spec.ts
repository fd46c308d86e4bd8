import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '../common/errors/domain-error.js';
import type { Settings } from '../config/settings.js';
import { SshKeys } from './ssh-keys.js';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n';
const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@example\n';

describe('SshKeys', () => {
  let base: string;
  let folder: string;
  let keys: SshKeys;
  let server: Server | undefined;

  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'devforge-keys-')));
    folder = join(base, 'keys');
    await mkdir(join(folder, 'sub'), { recursive: true });
    await writeFile(join(folder, 'good'), KEY, { mode: 0o600 });
    keys = new SshKeys({ sshKeysDir: folder } as Settings);
  });

  afterEach(async () => {
    server?.close();
    await rm(base, { recursive: true, force: true });
  });

  const refusal = async (path: string): Promise<{ code: string; message: string; fields: unknown }> => {
    const error: unknown = await keys.read(path).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof DomainError)) throw new Error(`${path} was not refused`);
    const { code, message, fields } = error;
    return { code, message, fields };
  };

  it('reads a private key by an absolute path, or one relative to the folder', async () => {
    await expect(keys.read(join(folder, 'good'))).resolves.toEqual(Buffer.from(KEY));
    await expect(keys.read('good')).resolves.toEqual(Buffer.from(KEY));
    await expect(keys.read(join(folder, 'sub', '..', 'good'))).resolves.toEqual(Buffer.from(KEY));
    await expect(keys.assertUsable('good')).resolves.toBeUndefined();
  });

  it("resolves ~ to the home of the server's user", async () => {
    keys = new SshKeys({ sshKeysDir: homedir() } as Settings);
    await expect(refusal('~/devforge-there-is-no-such-key')).resolves.toMatchObject({ code: 'ssh_key_not_usable' });
    const inHome = await mkdtemp(join(homedir(), '.devforge-keys-test-'));
    try {
      await writeFile(join(inHome, 'key'), KEY, { mode: 0o600 });
      await expect(keys.read(join(inHome, 'key').replace(homedir(), '~'))).resolves.toEqual(Buffer.from(KEY));
    } finally {
      await rm(inHome, { recursive: true });
    }
  });

  it('reads through a link that stays inside', async () => {
    await symlink(join(folder, 'good'), join(folder, 'sub', 'link'));
    await expect(keys.read('sub/link')).resolves.toEqual(Buffer.from(KEY));
  });

  it('reads a folder that is itself a link', async () => {
    await symlink(folder, join(base, 'alias'));
    keys = new SshKeys({ sshKeysDir: join(base, 'alias') } as Settings);
    await expect(keys.read('good')).resolves.toEqual(Buffer.from(KEY));
    await expect(keys.read(join(folder, 'good'))).resolves.toEqual(Buffer.from(KEY));
  });

  it('rejects everything else with one message', async () => {
    const outside = join(base, 'outside');
    await mkdir(join(base, 'keys-of-another'));
    await Promise.all(
      [outside, join(base, 'keys-of-another', 'key')].map((file) => writeFile(file, KEY, { mode: 0o600 })),
    );
    await symlink(outside, join(folder, 'link-out'));
    await symlink(base, join(folder, 'folder-out'));
    await symlink(join(folder, 'loop'), join(folder, 'loop'));
    await symlink(join(base, 'absent'), join(folder, 'dangling'));
    for (const [name, mode] of [
      ['world', 0o604],
      ['group', 0o640],
      ['group-writes', 0o620],
      ['others-run', 0o601],
      ['open', 0o777],
    ] as const) {
      await writeFile(join(folder, name), KEY);
      await chmod(join(folder, name), mode);
    }
    await writeFile(join(folder, 'large'), Buffer.alloc(65_537), { mode: 0o600 });
    execFileSync('mkfifo', ['-m', '600', join(folder, 'fifo')]);
    server = createServer().listen(join(folder, 'socket'));
    await once(server, 'listening');
    await chmod(join(folder, 'socket'), 0o600);
    const first = await refusal('absent');
    expect(first.code).toBe('ssh_key_not_usable');
    const paths = [
      'link-out',
      'folder-out/outside',
      'loop',
      'dangling',
      'world',
      'group',
      'group-writes',
      'others-run',
      'open',
      'large',
      'fifo',
      'socket',
      'sub',
      '.',
      '',
      '/',
      folder,
      `${folder}/`,
      outside,
      '../outside',
      join(folder, '..', 'outside'),
      join(base, 'keys-of-another', 'key'),
      '/etc/passwd',
      '/etc/shadow',
      '/dev/zero',
      '/proc/self/environ',
      '~root/.ssh/id_rsa',
      '~',
      'good\0',
      'x'.repeat(5_000),
    ];
    for (const path of paths) await expect(refusal(path)).resolves.toEqual(first);
  });

  it('names what a file inside the folder is when it has no usable key', async () => {
    await writeFile(join(folder, 'good.pub'), PUBLIC_KEY, { mode: 0o644 });
    await writeFile(join(folder, 'key.ppk'), 'PuTTY-User-Key-File-3: ssh-ed25519\n', { mode: 0o600 });
    await expect(refusal('good.pub')).resolves.toMatchObject({
      code: 'ssh_key_not_usable',
      message: expect.stringMatching(/^sshKeyPath is a public key: /),
    });
    await expect(refusal('key.ppk')).resolves.toMatchObject({ message: expect.stringContaining('PuTTY') });
  });

  it('says nothing about a file outside, whatever it is', async () => {
    const first = await refusal('absent');
    await writeFile(join(base, 'key.pub'), PUBLIC_KEY, { mode: 0o644 });
    await symlink(join(base, 'key.pub'), join(folder, 'public-out'));
    await expect(refusal(join(base, 'key.pub'))).resolves.toEqual(first);
    await expect(refusal('public-out')).resolves.toEqual(first);
  });

  it('mends what an editor changed', async () => {
    await writeFile(join(folder, 'edited'), `\uFEFF${KEY.trim().replaceAll('\n', '\r\n')}`, { mode: 0o600 });
    await expect(keys.read('edited')).resolves.toEqual(Buffer.from(KEY));
  });

  it('rejects with the same message when the folder does not exist', async () => {
    const first = await refusal('absent');
    keys = new SshKeys({ sshKeysDir: join(base, 'no-folder') } as Settings);
    await expect(refusal('good')).resolves.toEqual(first);
    await expect(refusal('/etc/passwd')).resolves.toEqual(first);
  });
});
