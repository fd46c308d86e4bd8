/**
 * Limits that the kernel counts per user, or for the whole machine. All workspaces run as uid 1000, so one of them could
 * use up what its neighbours need. The memory behind these is counted for each container: raised, it is the container's own
 * memory limit that ends the use.
 */
import { existsSync, readFileSync } from 'node:fs';
import { runAsRoot } from './host.mjs';

const MAX_INT = 2_147_483_647;
/** 0 of the pipes means no limit. */
const LIMITS = [
  { name: 'fs.inotify.max_user_instances', value: MAX_INT },
  { name: 'fs.inotify.max_user_watches', value: MAX_INT },
  { name: 'fs.epoll.max_user_watches', value: MAX_INT },
  { name: 'fs.pipe-user-pages-soft', value: 0 },
  { name: 'fs.aio-max-nr', value: 1_073_741_824 },
];
/** What is read at every start of the machine. */
const FOLDER = '/etc/sysctl.d';
const FILE = `${FOLDER}/60-devforge.conf`;
const HEADER = '# Written by the set-up of DevForge: docs/operations.md, Kernel limits';

/**
 * @param {(name: string) => number | undefined} current undefined where the kernel does not have it
 * @returns {{ name: string, value: number }[]} what is lower than it should be
 */
export function limitsToRaise(current) {
  return LIMITS.filter(({ name, value }) => {
    const now = current(name);
    return now !== undefined && now !== 0 && (value === 0 || now < value);
  });
}

/** @param {ReturnType<import('./engine-address.mjs').engineAddress>} address @param {import('./host.mjs').Host} host */
export async function ensureKernelLimits(address, host, step) {
  if (address.kind !== 'socket') return step.done('the engine is on another machine: see docs/operations.md');
  const raised = limitsToRaise(readLimit);
  if (raised.length === 0) return step.done('raised');
  const lines = raised.map(({ name, value }) => `${name} = ${value}`);
  if (host.rights !== 'none' && (await apply(host, lines))) return step.done(`raised ${raised.length}`);
  step.done('not raised');
  step.note('Without them a workspace can use up what its neighbours need (docs/security.md). As root:');
  step.note(`printf '${lines.join('\\n')}\\n' > ${FILE} && sysctl --system`);
}

/** Some machines, such as containers, do not allow it. @returns {Promise<boolean>} whether they apply now */
async function apply(host, lines) {
  const written = existsSync(FILE) ? readFileSync(FILE, 'utf8').split('\n') : [HEADER];
  const kept = written.filter(
    (line) => line !== '' && !lines.some((each) => each.split(' ')[0] === line.split(' ')[0]),
  );
  const script = `
    printf '%s\\n' "$1" | while read -r name _ value; do echo "$value" > "/proc/sys/$(echo "$name" | tr . /)" || exit 1; done || exit 1
    [ ! -d ${FOLDER} ] || printf '%s\\n' "$2" > ${FILE}`;
  const { code } = await runAsRoot(host, ['sh', '-c', script, 'sh', lines.join('\n'), [...kept, ...lines].join('\n')]);
  return code === 0;
}

function readLimit(name) {
  const path = `/proc/sys/${name.replaceAll('.', '/')}`;
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
}
