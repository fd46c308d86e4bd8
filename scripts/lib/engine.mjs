/** Ensures a Docker engine that answers: found, or installed and started (Debian and Ubuntu); fails with what to run otherwise. */
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { installPackages } from './apt.mjs';
import { describeAddress } from './engine-address.mjs';
import { engineVersion, pingEngine } from './engine-api.mjs';
import { permissionDenied, planEngine, stalePidFiles } from './engine-plan.mjs';
import { which } from './exec.mjs';
import { Failure } from './failure.mjs';
import { runAsRoot } from './host.mjs';

const START_MS = 60_000;
const LOG = '/var/log/dockerd.log';
const PID_FILES = [
  { path: '/var/run/docker.pid', program: 'dockerd' },
  { path: '/var/run/docker/containerd/containerd.pid', program: 'containerd' },
];

/** @param {ReturnType<import('./engine-address.mjs').engineAddress>} address */
export async function ensureEngine(address, host, step) {
  const plan = planEngine({
    address,
    host,
    ping: address.kind === 'unsupported' ? 'absent' : await pingEngine(address),
    hasDockerd: Boolean(which('dockerd')),
    hasIptables: Boolean(which('iptables')),
    user: userName(),
  });
  if (plan.action === 'start') {
    if (plan.packages.length > 0)
      await installPackages(host, plan.packages, { purpose: 'The Docker engine', progress: step.progress });
    await (plan.by === 'systemd' ? startBySystemd(address, host, step) : startDirectly(address, host, step));
  }
  const { Version } = await engineVersion(address);
  step.done(`Docker ${Version} at ${describeAddress(address)}`);
}

function userName() {
  try {
    return userInfo().username;
  } catch {
    return '$USER';
  }
}

async function startBySystemd(address, host, step) {
  step.progress('systemctl start docker');
  const { code, lines } = await runAsRoot(host, ['systemctl', 'start', 'docker'], { timeoutMs: START_MS });
  if (code !== 0) throw new Failure('systemctl start docker failed.', ['journalctl -u docker -n 50'], lines.slice(-8));
  await waitUntilAnswering(address, () => true, { hints: ['journalctl -u docker -n 50'], log: () => [] });
}

async function startDirectly(address, host, step) {
  const running = programOf(pidIn(PID_FILES[0].path)) === 'dockerd';
  if (!running) await removeStalePidFiles(host);
  step.progress(running ? 'waiting for dockerd' : `starting dockerd, log in ${LOG}`);
  const pid = running ? pidIn(PID_FILES[0].path) : await launch(host);
  await waitUntilAnswering(address, () => programOf(pid) !== undefined, {
    hints: [`see ${LOG}`],
    log: () => tail(LOG),
  });
  if (!running) step.note(`dockerd was started directly (no systemd here); its log: ${LOG}`);
}

async function launch(host) {
  const script = `setsid dockerd >>${LOG} 2>&1 </dev/null & echo $!`;
  const { code, lines } = await runAsRoot(host, ['sh', '-c', script]);
  if (code !== 0) throw new Failure('dockerd could not be started.', [`see ${LOG}`], lines);
  return Number(lines.at(-1));
}

async function removeStalePidFiles(host) {
  const files = PID_FILES.filter(({ path }) => existsSync(path)).map((file) => ({ ...file, pid: pidIn(file.path) }));
  const stale = stalePidFiles(files, programOf);
  if (stale.length > 0) await runAsRoot(host, ['rm', '-f', ...stale]);
}

const pidIn = (path) => (existsSync(path) ? Number(readFileSync(path, 'utf8').trim()) : 0);

/** The program name of a running process; undefined when it has ended or is a zombie. */
function programOf(pid) {
  try {
    const [, name, state] = /\((.*)\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state === 'Z' ? undefined : name;
  } catch {
    return undefined;
  }
}

/** The last lines of the engine's log above the level of warnings. */
function tail(path, count = 8) {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  return lines.filter((line) => !/level=(info|warning)/.test(line)).slice(-count);
}

async function waitUntilAnswering(address, isAlive, { hints, log }) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && isAlive()) {
    const ping = await pingEngine(address);
    if (ping === 'ok') return;
    if (ping === 'denied') throw permissionDenied(address, userName());
    await sleep(500);
  }
  const problem = isAlive() ? `did not answer within ${START_MS / 1000} s` : 'exited right after its start';
  throw new Failure(`The Docker engine ${problem}.`, hints, log());
}
