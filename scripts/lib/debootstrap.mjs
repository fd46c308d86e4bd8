/**
 * Builds a small Debian image without a registry: `debootstrap --variant=minbase` into a scratch directory, trimmed, and
 * piped as a tar into the engine's import call. The scratch directory is removed in any case.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from './apt.mjs';
import { hostSources, mirrorFor } from './apt-sources.mjs';
import { engineCall, engineVersion } from './engine-api.mjs';
import { hostEnv, killGroup, run, which } from './exec.mjs';
import { Failure } from './failure.mjs';
import { asRoot, canInstall, runAsRoot } from './host.mjs';
import { debianSuite, dockerArch, parseImage } from './image-name.mjs';
import { scratchDirectory } from './mounts.mjs';
import { defer } from './shutdown.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEBOOTSTRAP_MS = 15 * 60_000;
const IMPORT_MS = 5 * 60_000;
/** Paths that a slim image leaves out; dpkg is configured to leave them out of later installs too. */
const EXCLUDED_PATHS = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/groff/*',
  '/usr/share/lintian/*',
];
const DPKG_RULES = [
  ...EXCLUDED_PATHS.map((path) => `path-exclude ${path}`),
  'path-include /usr/share/doc/*/copyright',
  'path-include /usr/share/locale/locale.alias',
];

/** @returns {Promise<string>} the suite to build @throws {Failure} with the reason when it cannot be built here */
export async function planDebootstrap({ address, reference, host, reason }) {
  const suite = debianSuite(reference);
  const engineArch = (await engineVersion(address)).Arch;
  const obstacle =
    (!suite && 'it is not a Debian image that debootstrap could build') ||
    (!canInstall(host) && 'building it needs Debian or Ubuntu, and root or sudo without a password') ||
    (engineArch !== dockerArch(process.arch) &&
      `the engine is ${engineArch}, this machine ${dockerArch(process.arch)}`);
  if (suite && !obstacle) return suite;
  throw new Failure(`The base image ${reference} cannot be pulled (${reason}), and cannot be built: ${obstacle}.`, [
    ...(suite && host.debianLike ? ['sudo npm run setup   # builds it, once'] : []),
    `docker pull ${reference}   # on a machine that reaches a registry, then docker save | docker load`,
    'or set BASE_IMAGE to a Debian image that this engine has',
  ]);
}

export async function makeDebianImage(address, { reference, suite, host, step }) {
  const missing = [
    ...(which('debootstrap') ? [] : ['debootstrap']),
    ...(existsSync(KEYRING) ? [] : ['debian-archive-keyring']),
  ];
  if (missing.length > 0)
    await installPackages(host, missing, { purpose: 'Building the base image', progress: step.progress });
  const scratch = scratchDirectory(host);
  const root = join(scratch.path, 'root');
  try {
    const { mirror, lines } = mirrorFor(suite, hostSources());
    await debootstrap({ suite, root, mirror, host, step });
    step.progress('trimming');
    await trim({ root, lines, host });
    step.progress('importing into the engine');
    await importTree(address, { root, reference, host });
  } finally {
    await scratch.remove();
  }
}

async function debootstrap({ suite, root, mirror, host, step }) {
  const options = ['--variant=minbase', ...(mirror?.startsWith('https:') ? ['--include=ca-certificates'] : [])];
  const words = ['debootstrap', ...options, suite, root, ...(mirror ? [mirror] : [])];
  const proxy = await aptProxy();
  const { code, lines } = await runAsRoot(host, words, {
    rootEnv: proxy ? { http_proxy: proxy } : {},
    timeoutMs: DEBOOTSTRAP_MS,
    onLine: (line) => step.progress(`debootstrap: ${line.replace(/^[IW]: /, '')}`),
  });
  if (code !== 0)
    throw new Failure(
      `debootstrap ${suite} failed.`,
      ['check that Debian packages can be fetched (apt-get update), then run this again'],
      lines.slice(-8),
    );
}

async function aptProxy() {
  const { lines } = await run('apt-config', ['shell', 'PROXY', 'Acquire::http::Proxy']);
  return /^PROXY='(http[^']+)'$/.exec(lines.at(-1) ?? '')?.[1];
}

/** Caches, lists, logs and documents go; apt keeps the sources that this machine uses, updates and security with them. */
async function trim({ root, lines, host }) {
  const script = [
    'cd "$1"',
    'rm -rf var/cache/apt/*.bin var/cache/apt/archives/*.deb var/lib/apt/lists/* var/log/*.log var/log/apt var/cache/debconf/*-old var/lib/dpkg/*-old tmp/* etc/resolv.conf etc/hostname',
    'find usr/share/doc -type f ! -name copyright -delete; find usr/share/doc -type l -delete; find usr/share/doc -mindepth 1 -type d -empty -delete',
    'rm -rf usr/share/man/* usr/share/info/* usr/share/groff/* usr/share/lintian/*',
    'find usr/share/locale -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +',
    'mkdir -p etc/dpkg/dpkg.cfg.d && printf "%s" "$2" > etc/dpkg/dpkg.cfg.d/slim',
    '[ -z "$3" ] || printf "%s" "$3" > etc/apt/sources.list',
  ].join('\n');
  const text = (rows) => rows.map((row) => `${row}\n`).join('');
  const { code, lines: output } = await runAsRoot(host, [
    'sh',
    '-ec',
    script,
    'trim',
    root,
    text(DPKG_RULES),
    text(lines),
  ]);
  if (code !== 0) throw new Failure('The base image could not be trimmed.', [], output.slice(-8));
}

/** The request is completed only when tar succeeded; when tar fails the request is aborted, and the engine keeps nothing. */
async function importTree(address, { root, reference, host }) {
  const { repository, tag } = parseImage(reference);
  const query = new URLSearchParams({
    fromSrc: '-',
    repo: repository,
    tag,
    changes: 'CMD ["bash"]',
    message: 'debootstrap',
  });
  const [program, ...args] = asRoot(host, [
    'tar',
    '--numeric-owner',
    '--one-file-system',
    '--exclude=./proc/*',
    '--exclude=./sys/*',
    '-C',
    root,
    '-cf',
    '-',
    '.',
  ]);
  let failure;
  try {
    const { status } = await engineCall(address, {
      method: 'POST',
      path: `/images/create?${query}`,
      headers: { 'Content-Type': 'application/x-tar' },
      idleMs: IMPORT_MS,
      totalMs: IMPORT_MS,
      send: (request) => pipeCommand(program, args, request, host),
      onLine: (line) => {
        failure ??= line.error ?? line.message;
      },
    });
    if (status !== 200) failure ??= `status ${status}`;
  } catch (error) {
    failure = error.message;
  }
  if (failure) throw new Failure(`The engine could not import ${reference}.`, [], [failure]);
}

function pipeCommand(program, args, request, host) {
  const child = spawn(program, args, { env: hostEnv(), detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const undo = defer(() => killGroup(child.pid, host.rights === 'sudo'));
  child.stdout.pipe(request, { end: false });
  child.on('error', (error) => request.destroy(error));
  child.on('close', (code) => {
    undo.forget();
    if (code === 0) request.end();
    else request.destroy(new Error(`${program} ended with ${code}`));
  });
  request.on('close', () => undo.now());
}
