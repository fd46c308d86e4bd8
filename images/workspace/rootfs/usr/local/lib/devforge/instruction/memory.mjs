import { readFileSync } from 'node:fs';

const FILES = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** How many processes of the container the kernel has ended for want of memory; 0 where it does not say. */
export function oomKills() {
  for (const file of FILES) {
    try {
      const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
      if (count !== undefined) return Number(count);
    } catch {
      // The other version of control groups.
    }
  }
  return 0;
}
