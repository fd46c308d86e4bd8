import { readFile } from 'node:fs/promises';

/** Resident memory of one process, its children not counted, in MB (MiB). */
export async function residentMB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`Process ${pid} shows no resident memory.`);
  return Number(kilobytes) / 1024;
}
