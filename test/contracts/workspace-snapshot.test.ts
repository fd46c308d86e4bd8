/** `snapshot.py` of the workspace images, which copies the files of a workspace to a snapshot and back. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';

const PROGRAM = resolve('images/workspace/rootfs/usr/local/lib/devforge/tools/snapshot.py');
const run = promisify(execFile);

describe('snapshot.py', () => {
  let folder: string;
  const children: ChildProcessWithoutNullStreams[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-snapshot-'));
    for (const volume of [
      'from/workspace',
      'from/home',
      'from/state',
      'to',
      'back/workspace',
      'back/home',
      'back/state',
    ])
      await mkdir(join(folder, volume), { recursive: true });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const write = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  /** Every file with its content, every link with its target, every folder. */
  const tree = async (path: string): Promise<Record<string, string>> => {
    const root = join(folder, path);
    const found: [string, string][] = [];
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const full = join(entry.parentPath, entry.name);
      const name = full.slice(root.length + 1);
      if (entry.isSymbolicLink()) found.push([name, `-> ${await readlink(full)}`]);
      else found.push([name, entry.isDirectory() ? '/' : await readFile(full, 'utf8')]);
    }
    return Object.fromEntries(found.toSorted(([a], [b]) => a.localeCompare(b)));
  };
  const begin = async (): Promise<{ next(): Promise<string>; go(): void; child: ChildProcessWithoutNullStreams }> => {
    const child = spawn('python3', ['-IS', PROGRAM, 'save', join(folder, 'from'), join(folder, 'to')]);
    children.push(child);
    const lines: Interface = createInterface({ input: child.stdout });
    const iterator = lines[Symbol.asyncIterator]();
    const next = async (): Promise<string> => (await iterator.next()).value as string;
    expect(await next()).toBe('copied');
    return { next, go: () => void child.stdin.write('\n'), child };
  };
  const save = async (meanwhile: () => Promise<void> = async () => undefined): Promise<number> => {
    const { next, go } = await begin();
    await meanwhile();
    go();
    expect(await next()).toBe('finished');
    go();
    return (JSON.parse(await next()) as { bytes: number }).bytes;
  };

  it('copies files, links, modes and times, and of the state what a copy goes on with', async () => {
    await write('from/workspace/a b/deep', 'x'.repeat(10_000));
    await write('from/workspace/.git/HEAD', 'ref: refs/heads/main');
    await write('from/home/.bashrc', 'mine');
    await symlink('/nowhere', join(folder, 'from/home/link'));
    await chmod(join(folder, 'from/home/.bashrc'), 0o640);
    await utimes(join(folder, 'from/home/.bashrc'), 1, 1);
    await write('from/state/claude/projects/session.jsonl', '{}');
    await write('from/state/known_hosts', 'example.org');
    await write('from/state/instructions/1/events.ndjson', 'gone');
    await write('to/older', 'of a try that failed');
    expect(await save()).toBeGreaterThanOrEqual(10_000);
    expect(await tree('to')).toEqual({
      home: '/',
      'home/.bashrc': 'mine',
      'home/link': '-> /nowhere',
      state: '/',
      'state/claude': '/',
      'state/claude/projects': '/',
      'state/claude/projects/session.jsonl': '{}',
      'state/known_hosts': 'example.org',
      system: '/',
      workspace: '/',
      'workspace/.git': '/',
      'workspace/.git/HEAD': 'ref: refs/heads/main',
      'workspace/a b': '/',
      'workspace/a b/deep': 'x'.repeat(10_000),
    });
    expect(await lstat(join(folder, 'to/home/.bashrc'))).toMatchObject({ mode: 0o100_640, mtimeMs: 1_000 });
  });

  it('has in the end what was there in the end, whatever changed meanwhile', async () => {
    await write('from/workspace/changed', 'before');
    await write('from/workspace/same time', 'before');
    await write('from/workspace/removed', 'before');
    await write('from/workspace/becomes a folder', 'before');
    await write('from/workspace/becomes a file/inner', 'before');
    await write('from/workspace/moved/inner/file', 'kept');
    await write('from/workspace/removed folder/inner/file', 'before');
    await write('from/home/new\nline', 'before');
    await write('from/state/known_hosts', 'before');
    const inside = (path: string): string => join(folder, 'from/workspace', path);
    await utimes(inside('same time'), 5, 5);
    await save(async () => {
      await write('from/workspace/changed', 'after');
      await write('from/workspace/same time', 'after!');
      await utimes(inside('same time'), 5, 5);
      await rm(inside('removed'));
      await rm(inside('becomes a folder'));
      await write('from/workspace/becomes a folder/inner', 'after');
      await rm(inside('becomes a file'), { recursive: true });
      await write('from/workspace/becomes a file', 'after');
      await rename(inside('moved'), inside('moved here'));
      await rm(inside('removed folder'), { recursive: true });
      await write('from/workspace/made/deep/file', 'after');
      await write('from/home/new\nline', 'after');
      await chmod(join(folder, 'from/home'), 0o700);
      await rm(join(folder, 'from/state/known_hosts'));
      await write('from/state/claude/late', 'after');
    });
    expect(await tree('to/workspace')).toEqual(await tree('from/workspace'));
    expect(await tree('to/home')).toEqual({ 'new\nline': 'after' });
    expect(await tree('to/state')).toEqual({ claude: '/', 'claude/late': 'after' });
    const [copied, original] = await Promise.all(
      ['to/workspace', 'from/workspace'].map((path) => lstat(join(folder, path))),
    );
    expect(copied!.mtimeMs).toBe(original!.mtimeMs);
    expect((await lstat(join(folder, 'to/home'))).mode & 0o777).toBe(0o700);
  });

  it('restores what was saved instead of what is there, as often as it is asked for', async () => {
    await write('from/workspace/file', 'saved');
    await write('from/state/claude/session', '{}');
    await save();
    await write('to/system/left', 'x');
    for (let round = 0; round < 2; round++) {
      await write('back/workspace/other', 'from the image');
      await write('back/state/agents/1', 'of another one');
      const { stdout } = await run('python3', ['-IS', PROGRAM, 'restore', join(folder, 'to'), join(folder, 'back')]);
      expect(JSON.parse(stdout)).toEqual({ system: true });
      expect(await tree('back')).toEqual({
        home: '/',
        state: '/',
        'state/claude': '/',
        'state/claude/session': '{}',
        workspace: '/',
        'workspace/file': 'saved',
      });
    }
  });

  it('ends with an error when nobody waits for it any more', async () => {
    const { child } = await begin();
    const closed = once(child, 'close');
    child.stdin.end();
    expect((await closed)[0]).not.toBe(0);
  });
});
