import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { ignoring } from '../errors.js';
import type { ServerIdentity } from '../cluster/system-user.js';

const MAX_BYTES = 10 << 20;
const TAIL_BYTES = 4096;
const TAIL_LINES = 12;

export interface ServerLog {
  path: string;
  /** Opened for appending and inherited by the server, whose user need not have access to the path. */
  fd: number;
  /** Size before this start, in bytes. */
  offset: number;
  close(): Promise<void>;
}

/** Empties a log beyond 10 MiB. The server appends, so its next line is the first one then. */
export async function trimServerLog(path: string): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW).catch(ignoring('ENOENT'));
  if (handle === undefined) return;
  try {
    if ((await handle.stat()).size > MAX_BYTES) await handle.truncate(0);
  } finally {
    await handle.close();
  }
}

/** Opens the log of the server, and empties it beyond 10 MiB. */
export async function openServerLog(path: string, identity: ServerIdentity): Promise<ServerLog> {
  // The directory may belong to another user, whose link must not make root change the owner of a system file
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;
  const handle = await open(path, flags, 0o600);
  const { size, uid } = await handle.stat();
  if (uid !== identity.uid && process.getuid?.() === 0) await handle.chown(identity.uid, identity.gid);
  if (size > MAX_BYTES) await handle.truncate(0);
  return { path, fd: handle.fd, offset: size > MAX_BYTES ? 0 : size, close: () => handle.close() };
}

/** The last lines after `offset`, for an error message. */
export async function logTail(path: string, offset = 0): Promise<string> {
  const found = await stat(path).catch(ignoring('ENOENT'));
  if (found === undefined) return '(no log)';
  const handle = await open(path, 'r');
  try {
    const from = Math.max(offset, found.size - TAIL_BYTES, 0);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    const lines = buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-TAIL_LINES);
    return lines.join('\n') || '(empty)';
  } finally {
    await handle.close();
  }
}
