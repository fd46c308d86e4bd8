import { readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Fast shutdown, immediate shutdown, the end: each with the time it gets. */
const STEPS: [NodeJS.Signals, number][] = [
  ['SIGINT', 5_000],
  ['SIGQUIT', 2_000],
  ['SIGKILL', 2_000],
];

const SEARCH_DEPTH = 4;

/**
 * Ends the embedded PostgreSQL that a SIGKILLed DevForge left behind, found by `postmaster.pid` in or below
 * `<dataDir>/postgres*`. A process is only signalled when it works in that very folder, since ids are used again.
 */
export async function endLeftoverPostgres(dataDir: string): Promise<void> {
  const folders = await entries(dataDir);
  const databases = folders.filter((entry) => entry.isDirectory() && entry.name.startsWith('postgres'));
  for (const database of databases) {
    for (const file of await pidFiles(join(dataDir, database.name), SEARCH_DEPTH)) await endByPidFile(file);
  }
}

async function endByPidFile(file: string): Promise<void> {
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  for (const [signal, timeoutMs] of STEPS) {
    const deadline = Date.now() + timeoutMs;
    if (!(await worksIn(pid, dirname(file)))) return;
    process.kill(pid, signal);
    while (Date.now() < deadline && (await worksIn(pid, dirname(file)))) await sleep(50);
  }
}

/** Whether this process runs with that folder as its own, as a postmaster does. */
async function worksIn(pid: number, folder: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  return (await readlink(`/proc/${pid}/cwd`).catch(() => undefined)) === folder;
}

async function pidFiles(folder: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entries(folder)) {
    if (entry.name === 'postmaster.pid') found.push(join(folder, entry.name));
    else if (entry.isDirectory() && depth > 1) found.push(...(await pidFiles(join(folder, entry.name), depth - 1)));
  }
  return found;
}

async function entries(folder: string) {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
