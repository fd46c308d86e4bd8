import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The `proc` and cgroup files of a machine that the usage of one container is read from: path to content. */
export type CgroupTree = Record<string, string>;

export const CONTAINER_ID = '5cc2a759c938e2ff19d910d8876a85b01b062e5ad0476b3a106ebda75110773a';
export const CONTAINER_PID = 28_057;

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    4321      12    0    0    0     0          0         0     4321      12    0    0    0     0       0          0
  eth0: 1296821     921    0    0    0     0          0         0    57432     800    0    0    0     0       0          0
`;

/** The container has written a file of 20 MiB and holds little else. */
const VERSION_1_MEMORY = `cache 21057536
rss 204800
rss_huge 0
shmem 0
mapped_file 0
dirty 20975616
writeback 0
workingset_refault_anon 0
workingset_refault_file 20
swap 0
swapcached 0
pgpgin 1145
pgpgout 1054
pgfault 1512
pgmajfault 1
inactive_anon 196608
active_anon 8192
inactive_file 21041152
active_file 16384
unevictable 0
hierarchical_memory_limit 9223372036854771712
hierarchical_memsw_limit 9223372036854771712
total_cache 21057536
total_rss 204800
total_rss_huge 0
total_shmem 0
total_mapped_file 0
total_dirty 20975616
total_writeback 0
total_workingset_refault_anon 0
total_workingset_refault_file 20
total_swap 0
total_swapcached 0
total_pgpgin 1145
total_pgpgout 1054
total_pgfault 1512
total_pgmajfault 1
total_inactive_anon 196608
total_active_anon 8192
total_inactive_file 21041152
total_active_file 16384
total_unevictable 0
`;

const VERSION_2_MEMORY = `anon 204800
file 21057536
kernel 1150976
kernel_stack 32768
pagetables 94208
sec_pagetables 0
percpu 0
sock 0
vmalloc 0
shmem 0
zswap 0
zswapped 0
file_mapped 0
file_dirty 20975616
file_writeback 0
swapcached 0
anon_thp 0
file_thp 0
shmem_thp 0
inactive_anon 196608
active_anon 8192
inactive_file 21041152
active_file 16384
unevictable 0
slab_reclaimable 690344
slab_unreclaimable 291912
slab 982256
workingset_refault_anon 0
workingset_refault_file 20
workingset_activate_anon 0
workingset_activate_file 0
workingset_restore_anon 0
workingset_restore_file 0
workingset_nodereclaim 0
pgscan 0
pgsteal 0
pgfault 1512
pgmajfault 1
pgrefill 0
pgactivate 4
pgdeactivate 0
pglazyfree 0
pglazyfreed 0
thp_fault_alloc 0
thp_collapse_alloc 0
`;

const VERSION_2_CPU = `usage_usec 37528
user_usec 9105
system_usec 28423
core_sched.force_idle_usec 0
nr_periods 12
nr_throttled 1
throttled_usec 4711
nr_bursts 0
burst_usec 0
`;

const PROCESSES = `${CONTAINER_PID}\n28086\n`;

function version1(path: string, systemd: boolean): CgroupTree {
  const separate = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'];
  const controllers = systemd
    ? ['cpu,cpuacct', ...separate.filter((name) => !name.startsWith('cpu') || name === 'cpuset')]
    : separate;
  const mounts = controllers.map(
    (name, at) => `${32 + at} 31 0:${29 + at} / /sys/fs/cgroup/${name} rw,relatime - cgroup cgroup rw,${name}`,
  );
  const cpu = `sys/fs/cgroup/${systemd ? 'cpu,cpuacct' : 'cpuacct'}${path}`;
  return {
    'proc/self/mountinfo': [
      '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
      ...mounts,
      '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
      '',
    ].join('\n'),
    [`proc/${CONTAINER_PID}/cgroup`]: [
      ...controllers.map((name, at) => `${at + 1}:${name}:${path}`).toReversed(),
      `0::${path}`,
      '',
    ].join('\n'),
    [`proc/${CONTAINER_PID}/net/dev`]: NET_DEV,
    [`${cpu}/cpuacct.usage`]: '37528242\n',
    [`sys/fs/cgroup/memory${path}/memory.usage_in_bytes`]: '22405120\n',
    [`sys/fs/cgroup/memory${path}/memory.stat`]: VERSION_1_MEMORY,
    [`sys/fs/cgroup/pids${path}/pids.current`]: '2\n',
    [`sys/fs/cgroup/pids${path}/cgroup.procs`]: PROCESSES,
  };
}

function version2(path: string): CgroupTree {
  const folder = `sys/fs/cgroup${path}`;
  return {
    'proc/self/mountinfo': [
      '23 29 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw',
      '24 29 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:6 - sysfs sysfs rw',
      '30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot',
      '',
    ].join('\n'),
    [`proc/${CONTAINER_PID}/cgroup`]: `0::${path}\n`,
    [`proc/${CONTAINER_PID}/net/dev`]: NET_DEV,
    [`${folder}/cpu.stat`]: VERSION_2_CPU,
    [`${folder}/memory.current`]: '22405120\n',
    [`${folder}/memory.stat`]: VERSION_2_MEMORY,
    [`${folder}/pids.current`]: '2\n',
    [`${folder}/cgroup.procs`]: PROCESSES,
  };
}

/** The same container on each kind of machine. */
export const CGROUP_TREES: [name: string, version: 1 | 2, tree: CgroupTree][] = [
  ['version 1, cgroupfs driver', 1, version1(`/docker/${CONTAINER_ID}`, false)],
  ['version 1, systemd driver', 1, version1(`/system.slice/docker-${CONTAINER_ID}.scope`, true)],
  ['version 2, cgroupfs driver', 2, version2(`/docker/${CONTAINER_ID}`)],
  ['version 2, systemd driver', 2, version2(`/system.slice/docker-${CONTAINER_ID}.scope`)],
  [
    'version 2, systemd driver of a user',
    2,
    version2(`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${CONTAINER_ID}.scope`),
  ],
];

export function writeTree(root: string, tree: CgroupTree): void {
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
