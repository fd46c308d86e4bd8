/** The servers and tools that the tests run: Redis, OpenSSH, Chromium, git, OpenSSL, ShellCheck, the JDK, and curl and jq of the examples. */
import { installPackages } from './apt.mjs';
import { which } from './exec.mjs';
import { runAsRoot } from './host.mjs';

/** Program to look for, its Debian package, services to disable after an install. */
const NEEDED = [
  { program: 'redis-server', name: 'redis-server', services: ['redis-server.service'] },
  { program: 'sshd', name: 'openssh-server', services: ['ssh.service', 'ssh.socket'] },
  { program: 'chromium', name: 'chromium', services: [] },
  { program: 'git', name: 'git', services: [] },
  { program: 'openssl', name: 'openssl', services: [] },
  { program: 'curl', name: 'curl', services: [] },
  { program: 'jq', name: 'jq', services: [] },
  { program: 'java', name: 'default-jdk-headless', services: [] },
  { program: 'shellcheck', name: 'shellcheck', services: [] },
];

/** @param {(program: string) => unknown} find */
export const missingTestPackages = (find) => NEEDED.filter(({ program }) => !find(program));

/** @param {import('./host.mjs').Host} host */
export async function ensureTestPackages(host, step, find = which) {
  const missing = missingTestPackages(find);
  if (missing.length === 0) return step.done('present');
  const names = missing.map(({ name }) => name);
  await installPackages(host, names, { purpose: 'The test suite', progress: step.progress });
  const services = missing.flatMap((entry) => entry.services);
  if (host.systemd && services.length > 0) await runAsRoot(host, ['systemctl', 'disable', '--now', ...services]);
  return step.done(`installed ${names.join(', ')}`);
}
