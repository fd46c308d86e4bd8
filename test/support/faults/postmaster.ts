import { readFile, readlink } from 'node:fs/promises';
import type { DevForgeProcess } from '../api/devforge-process.js';

const MENTION = /(?:Started|Adopted) the embedded PostgreSQL .*?\(pid (\d+)/g;

/** The process id of the embedded database, from the last log line about it. */
export function postmasterOf(devforge: DevForgeProcess): number {
  const [, pid] = [...devforge.log().matchAll(MENTION)].at(-1) ?? [];
  if (pid === undefined) throw new Error('The log names no embedded PostgreSQL.');
  return Number(pid);
}

/** Whether this is a PostgreSQL that runs; ids are used again. */
export async function isPostgres(pid: number): Promise<boolean> {
  return (await readlink(`/proc/${pid}/exe`).catch(() => '')).endsWith('/postgres');
}

/** What a process was started with; nothing when there is none. */
export async function commandOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
}
