import { readFile } from 'node:fs/promises';

/** Usage of one process without its children. */
export interface ProcessUsage {
  /** Resident memory, in MB (MiB). */
  residentMB: number;
  /** Processor time since its start, in ms. */
  processorMs: number;
  /** Time in which its main thread was runnable without a processor, in ms. */
  waitedMs: number;
}

/** /proc shows processor time in hundredths of a second, independent of the kernel's clock. */
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
