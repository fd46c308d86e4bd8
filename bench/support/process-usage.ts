import { readFile } from 'node:fs/promises';

/** Of one process, its children not counted. */
export interface ProcessUsage {
  /** Resident memory, in MB (MiB). */
  residentMB: number;
  /** What it has used of the processors since its start, in ms. */
  processorMs: number;
  /** How long its main thread was ready to go on and got no processor, in ms. */
  waitedMs: number;
}

/** Linux counts in hundredths of a second for whoever reads /proc, whatever its own clock. */
const TICK_MS = 10;
/** Positions in /proc/<pid>/stat after the name, which may hold spaces. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;

export async function usageOf(pid: number): Promise<ProcessUsage> {
  const [status = '', stat = '', schedule = ''] = await Promise.all(
    ['status', 'stat', 'schedstat'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
  );
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    residentMB: Number(resident) / 1024,
    processorMs: (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK_MS,
    waitedMs: Number(schedule.split(' ')[1]) / 1e6,
  };
}
