import { readFileSync } from 'node:fs';

/** Of control groups version 2 and 1. */
const FILES = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** Number of processes in the container that the kernel has killed for lack of memory; 0 where that is not known. */
export function oomKills() {
  for (const file of FILES) {
    try {
      const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
      if (count !== undefined) return Number(count);
    } catch {
      // The system has the other version.
    }
  }
  return 0;
}
