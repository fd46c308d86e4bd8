import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { UsageRecord } from '../../workspace-usage.js';
import { DriverError } from '../../driver-error.js';
import type { CgroupFiles } from './cgroup-files.js';
import { UsageSource } from '../../workspace-usage.js';

const BUFFER = Buffer.alloc(64 * 1024);
const AGENT = 'claude';

/** Reads the kernel's counters directly, which takes about 0.02 ms and no call to the engine. */
export class CgroupUsageSource extends UsageSource {
  private readonly descriptors: Record<'cpu' | 'memory' | 'memoryStat' | 'pids' | 'network', number>;
  private readonly known = new Map<number, boolean>();

  /** @throws when a file cannot be opened */
  constructor(private readonly files: CgroupFiles) {
    super();
    const opened: number[] = [];
    const open = (path: string): number => {
      const descriptor = openSync(path, 'r');
      opened.push(descriptor);
      return descriptor;
    };
    try {
      this.descriptors = {
        cpu: open(files.cpu),
        memory: open(files.memory),
        memoryStat: open(files.memoryStat),
        pids: open(files.pids),
        network: open(files.network),
      };
    } catch (error) {
      opened.forEach((descriptor) => closeSync(descriptor));
      throw error;
    }
  }

  async read(): Promise<UsageRecord> {
    try {
      return this.readFiles();
    } catch (error) {
      throw new DriverError('conflict', 'the cgroup is gone: the container has stopped', { cause: error });
    }
  }

  claudeProcesses(): number[] {
    const present = readFileSync(this.files.processes, 'utf8').split('\n').filter(Boolean).map(Number);
    const ids = new Set(present);
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id);
    return present.filter((id) => this.isAgent(id));
  }

  close(): void {
    for (const descriptor of Object.values(this.descriptors)) closeSync(descriptor);
  }

  private readFiles(): UsageRecord {
    const memory = Number(read(this.descriptors.memory));
    const inactive = numberAfter(
      read(this.descriptors.memoryStat),
      this.files.version === 1 ? 'total_inactive_file' : 'inactive_file',
    );
    const { rxBytes, txBytes } = readNetDev(read(this.descriptors.network));
    return {
      at: Date.now(),
      monotonicMs: performance.now(),
      cpuSeconds:
        this.files.version === 1
          ? Number(read(this.descriptors.cpu)) / 1e9
          : numberAfter(read(this.descriptors.cpu), 'usage_usec') / 1e6,
      memoryBytes: inactive < memory ? memory - inactive : memory,
      rxBytes,
      txBytes,
      pids: Number(read(this.descriptors.pids)),
    };
  }

  /** Results are cached, except for shells and the like: they keep their pid when they exec Claude Code. */
  private isAgent(id: number): boolean {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    try {
      const name = readFileSync(`/proc/${id}/comm`, 'utf8').trim();
      if (!/^(?:ba|da|z)?sh$|^node$|^env$/.test(name)) this.known.set(id, name === AGENT);
      return name === AGENT;
    } catch {
      return false;
    }
  }
}

/** Reads a counter file from its start. */
function read(descriptor: number): string {
  return BUFFER.toString('latin1', 0, readSync(descriptor, BUFFER, 0, BUFFER.length, 0));
}

function numberAfter(text: string, name: string): number {
  const at = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  return at === 0 && !text.startsWith(`${name} `) ? 0 : Number.parseInt(text.slice(at + name.length + 1), 10);
}

/** Sums all interfaces of `/proc/net/dev` except the loopback. */
export function readNetDev(text: string): { rxBytes: number; txBytes: number } {
  let rxBytes = 0;
  let txBytes = 0;
  for (const line of text.split('\n')) {
    const [, name, columns] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === 'lo' || columns === undefined) continue;
    const numbers = columns.trim().split(/\s+/).map(Number);
    rxBytes += numbers[0] ?? 0;
    txBytes += numbers[8] ?? 0;
  }
  return { rxBytes, txBytes };
}
