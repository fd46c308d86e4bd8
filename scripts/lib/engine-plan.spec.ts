import { describe, expect, it } from '@jest/globals';
import { engineAddress } from './engine-address.mjs';
import { planEngine, stalePidFiles } from './engine-plan.mjs';
import { asRoot, distributionFacts } from './host.mjs';

const debian = { platform: 'linux', distribution: 'debian', debianLike: true, rights: 'root', systemd: false };
const facts = (changes: Record<string, unknown> = {}) => ({
  address: engineAddress({}),
  ping: 'absent',
  host: debian,
  hasDockerd: true,
  hasIptables: true,
  user: 'ada',
  ...changes,
});

function hintsOf(changes: Record<string, unknown>): string {
  try {
    planEngine(facts(changes));
  } catch (error) {
    const failure = error as Error & { hints: string[] };
    return [failure.message, ...failure.hints].join('\n');
  }
  throw new Error('expected a failure');
}

describe('planEngine', () => {
  it('does nothing when the engine answers, wherever it is', () => {
    expect(planEngine(facts({ ping: 'ok' }))).toEqual({ action: 'none' });
    expect(
      planEngine(
        facts({ ping: 'ok', address: engineAddress({ DOCKER_HOST: 'tcp://h' }), host: { ...debian, rights: 'none' } }),
      ),
    ).toEqual({ action: 'none' });
  });

  it('installs missing packages on Debian, as root or with sudo', () => {
    const packages = ['docker.io', 'iptables', 'ca-certificates'];
    expect(planEngine(facts({ hasDockerd: false }))).toEqual({ action: 'start', packages, by: 'direct' });
    expect(planEngine(facts({ hasDockerd: false, host: { ...debian, rights: 'sudo', systemd: true } }))).toEqual({
      action: 'start',
      packages,
      by: 'systemd',
    });
    expect(planEngine(facts({ hasIptables: false }))).toEqual({
      action: 'start',
      packages: ['iptables'],
      by: 'direct',
    });
  });

  it('starts an installed engine that does not answer', () => {
    expect(planEngine(facts({ ping: 'silent' }))).toEqual({ action: 'start', packages: [], by: 'direct' });
    expect(planEngine(facts({ host: { ...debian, systemd: true } }))).toEqual({
      action: 'start',
      packages: [],
      by: 'systemd',
    });
  });

  it('fails with the command to run where it has no rights', () => {
    const user = { ...debian, rights: 'none' };
    expect(hintsOf({ ping: 'denied' })).toContain('sudo usermod -aG docker ada');
    expect(hintsOf({ hasDockerd: false, host: user })).toContain(
      'apt-get install -y --no-install-recommends docker.io iptables',
    );
    expect(hintsOf({ hasDockerd: false, host: { ...debian, debianLike: false } })).toContain(
      'only on Debian and Ubuntu',
    );
    expect(hintsOf({ host: { ...user, systemd: true } })).toContain('sudo systemctl start docker');
    expect(hintsOf({ host: { ...debian, platform: 'darwin', debianLike: false } })).toContain('Docker Desktop');
    expect(hintsOf({ address: engineAddress({ DOCKER_SOCKET_PATH: '/other.sock' }) })).toContain('/other.sock');
    expect(hintsOf({ address: engineAddress({ DOCKER_HOST: 'ssh://h' }) })).toContain('is not understood');
  });

  it('finds pid files stale whose process is gone or is another program', () => {
    const files = [
      { path: '/a', pid: 1, program: 'dockerd' },
      { path: '/b', pid: 2, program: 'containerd' },
      { path: '/c', pid: 3, program: 'dockerd' },
    ];
    const names: Record<number, string> = { 1: 'dockerd', 2: 'bash' };
    expect(stalePidFiles(files, (pid: number) => names[pid])).toEqual(['/b', '/c']);
  });
});

describe('host facts', () => {
  it('recognise Debian by its own name or its family, when apt is there', () => {
    expect(distributionFacts({ ID: 'debian' }, true).debianLike).toBe(true);
    expect(distributionFacts({ ID: 'linuxmint', ID_LIKE: 'ubuntu debian' }, true).debianLike).toBe(true);
    expect(distributionFacts({ ID: 'fedora' }, true).debianLike).toBe(false);
    expect(distributionFacts({ ID: 'debian' }, false).debianLike).toBe(false);
  });

  it('pass environment variables through sudo', () => {
    expect(asRoot({ rights: 'sudo' }, ['apt-get', 'update'], { A: 'b' })).toEqual([
      'sudo',
      '-n',
      'env',
      'A=b',
      'apt-get',
      'update',
    ]);
    expect(asRoot({ rights: 'root' }, ['rm', 'x'])).toEqual(['rm', 'x']);
  });
});
