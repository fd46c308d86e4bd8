import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The kernel's files with the usage of one container, for either cgroup version and driver. */
export interface CgroupFiles {
  version: 1 | 2;
  cpu: string;
  memory: string;
  memoryStat: string;
  pids: string;
  processes: string;
  network: string;
}

interface Mount {
  point: string;
  /** The part of the hierarchy that is mounted there. */
  root: string;
  type: string;
  options: string[];
}

/**
 * Finds the cgroup of a process.
 * @param root directory with `proc` and the cgroup file systems; `/` outside tests
 * @returns undefined when files are missing
 */
export function findCgroup(pid: number, root = '/'): CgroupFiles | undefined {
  const mounts = readMounts(root);
  const paths = new Map<string, string>();
  for (const line of readFileSync(join(root, `proc/${pid}/cgroup`), 'utf8')
    .trim()
    .split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  const cgroup = version1(mounts, paths, root) ?? version2(mounts, paths, root);
  if (cgroup === undefined) return undefined;
  const { version, ...files } = { ...cgroup, network: join(root, `proc/${pid}/net/dev`) };
  return Object.values(files).every(existsSync) ? { version, ...files } : undefined;
}

function version1(mounts: Mount[], paths: Map<string, string>, root: string): Omit<CgroupFiles, 'network'> | undefined {
  const folder = (controller: string): string | undefined => {
    const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    const path = paths.get(controller);
    return mount === undefined || path === undefined ? undefined : join(root, mount.point, belowMount(mount, path));
  };
  const [cpu, memory, pids] = [folder('cpuacct'), folder('memory'), folder('pids')];
  if (cpu === undefined || memory === undefined || pids === undefined) return undefined;
  return {
    version: 1,
    cpu: join(cpu, 'cpuacct.usage'),
    memory: join(memory, 'memory.usage_in_bytes'),
    memoryStat: join(memory, 'memory.stat'),
    pids: join(pids, 'pids.current'),
    processes: join(pids, 'cgroup.procs'),
  };
}

function version2(mounts: Mount[], paths: Map<string, string>, root: string): Omit<CgroupFiles, 'network'> | undefined {
  const mount = mounts.find(({ type }) => type === 'cgroup2');
  const path = paths.get('');
  if (mount === undefined || path === undefined) return undefined;
  const folder = join(root, mount.point, belowMount(mount, path));
  return {
    version: 2,
    cpu: join(folder, 'cpu.stat'),
    memory: join(folder, 'memory.current'),
    memoryStat: join(folder, 'memory.stat'),
    pids: join(folder, 'pids.current'),
    processes: join(folder, 'cgroup.procs'),
  };
}

function readMounts(root: string): Mount[] {
  return readFileSync(join(root, 'proc/self/mountinfo'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [front = '', back = ''] = line.split(' - ');
      const [, , , mounted = '/', point = '/'] = front.split(' ');
      const [type = '', , options = ''] = back.split(' ');
      return { point, root: mounted, type, options: options.split(',') };
    });
}

/** The path below the mount point, which may show only a part of the hierarchy. */
function belowMount({ root }: Mount, path: string): string {
  return root !== '/' && `${path}/`.startsWith(`${root}/`) ? path.slice(root.length) : path;
}
