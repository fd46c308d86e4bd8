import { readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ignoring } from '../errors.js';
import { run } from './run.js';

/** The content of `postmaster.pid`, which a running server keeps in its data directory. */
export interface PostmasterFile {
  pid: number;
  /** Number in the name of the socket (`.s.PGSQL.<port>`); absent while the file is being written. */
  port?: number;
  /** Directory of the socket; absent while the file is being written. */
  socketDir?: string;
  status: 'starting' | 'ready' | 'stopping';
}

/**
 * Lines: pid, data directory, start time, port, socket directory, listen address, shared memory key, status.
 * The server appends them one by one while it starts.
 *
 * @returns `undefined` for an empty or invalid file
 */
export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  // A single-user backend, which never accepts connections, has a negative pid
  const pid = Math.abs(Number.parseInt(lines[0] ?? '', 10));
  if (!Number.isSafeInteger(pid) || pid === 0) return undefined;
  const port = Number.parseInt(lines[3] ?? '', 10);
  const word = lines[7] ?? '';
  return {
    pid,
    port: Number.isNaN(port) ? undefined : port,
    socketDir: lines[4] === undefined || lines[4] === '' ? undefined : lines[4],
    status: word === 'ready' || word === 'stopping' ? word : 'starting',
  };
}

const postmasterFile = (cluster: string): string => path.join(cluster, 'postmaster.pid');

export async function readPostmasterFile(cluster: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(postmasterFile(cluster), 'utf8').catch(ignoring('ENOENT'));
  return text === undefined ? undefined : parsePostmasterFile(text);
}

/** Whether a process with this id exists, including zombies. */
export function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether the process is the server of this data directory, rather than a zombie or another process with a reused id.
 *
 * @param cluster real path of the data directory
 */
export async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if (!pidExists(pid)) return false;
  if (process.platform === 'linux') {
    // The server changes to its data directory before it writes postmaster.pid, and stays there
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return cwd === cluster;
  }
  const { stdout } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
  return stdout.includes('postgres') && stdout.includes(cluster);
}

/** The running server of a data directory, started by this or another process. */
export async function findRunning(cluster: string): Promise<PostmasterFile | undefined> {
  const found = await readPostmasterFile(cluster);
  return found !== undefined && (await isServerOf(found.pid, cluster)) ? found : undefined;
}

/**
 * Makes a stale `postmaster.pid` harmless whose process id is in use by another process: PostgreSQL only checks whether
 * the process exists and would refuse to start. The file is not deleted, because PostgreSQL uses its shared memory key
 * to detect back-ends that outlived their server. It gets the id of this process, since a server ignores its parent.
 *
 * Call it only under the start lock, after `findRunning` returned undefined.
 */
export async function neutralizeStaleFile(cluster: string): Promise<void> {
  const file = postmasterFile(cluster);
  const text = await readFile(file, 'utf8').catch(ignoring('ENOENT'));
  const stale = text === undefined ? undefined : parsePostmasterFile(text);
  if (text === undefined || stale === undefined || !pidExists(stale.pid)) return;
  await writeFile(file, [String(process.pid), ...text.split('\n').slice(1)].join('\n'));
}
