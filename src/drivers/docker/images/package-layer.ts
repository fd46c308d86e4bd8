import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { JobFailure } from '../../../common/errors/job-failure.js';
import { isTransientFailure } from './build-progress.js';

/** Of the package manager and what it runs. */
export const PACKAGE_LIMITS = { cpuLimit: 2, memoryLimit: 2_048 };

/** Changes whenever another image is made of the same packages, since images are found by what they are made of. */
export const PACKAGE_LAYOUT = '1';

const NO_PACKAGE_MANAGER = 'DevForge: the image has none of apt-get, dnf, microdnf, yum, zypper and pacman';
const CERTIFICATES = '/opt/devforge/etc/ca-certificates.crt';
/** How package managers begin the line that says what is wrong. */
const REASON = /^(?:E: |Error: |error: |No match for argument|Unable to find a match|DevForge: )/;

/** A script for the shell of the image: its arguments are the packages. */
const SCRIPT = [
  'set -e',
  `[ ! -r ${CERTIFICATES} ] || trust="-o Acquire::https::CAInfo=${CERTIFICATES}"`,
  'has() { command -v "$1" > /dev/null 2>&1; }',
  'if has apt-get; then',
  '  export DEBIAN_FRONTEND=noninteractive',
  '  apt-get $trust update',
  '  apt-get $trust install -y --no-install-recommends -- "$@"',
  '  rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*',
  'elif has dnf; then dnf install -y --setopt=install_weak_deps=False -- "$@"; dnf clean all',
  'elif has microdnf; then microdnf install -y --setopt=install_weak_deps=0 "$@"; microdnf clean all',
  'elif has yum; then yum install -y -- "$@"; yum clean all',
  'elif has zypper; then zypper --non-interactive install --no-recommends -- "$@"; zypper clean --all',
  'elif has pacman; then pacman -Sy --noconfirm --needed -- "$@"; rm -rf /var/cache/pacman/pkg/*',
  `else echo '${NO_PACKAGE_MANAGER}' >&2; exit 1`,
  'fi',
].join('\n');

/** The build context of a workspace image with packages of its distribution. */
export function packageLayerContext(image: string, packages: readonly string[]): Readable {
  const tar = pack();
  const add = (name: string, content: string): void =>
    void tar.entry({ name, mode: 0o644, mtime: new Date(0) }, content);
  add('install', `${SCRIPT}\n`);
  add(
    'Dockerfile',
    [
      `FROM ${image}`,
      'USER 0:0',
      'COPY install /usr/local/lib/devforge/install-packages',
      // Names of packages have no character that means something to a shell.
      `RUN HOME=/root sh /usr/local/lib/devforge/install-packages ${packages.join(' ')}`,
      'USER 1000:1000',
      '',
    ].join('\n'),
  );
  tar.finalize();
  // tar-stream has a Readable of its own; dockerode needs Node's type.
  return tar as unknown as Readable;
}

/** The message for the owner of a container whose packages could not be installed. */
export function packageFailure(packages: readonly string[], failure: JobFailure): JobFailure {
  const output = failure.output ?? [];
  const reason = output.findLast((line) => REASON.test(line)) ?? output.at(-1) ?? failure.message;
  return new JobFailure(
    'packages_not_installed',
    `The packages (${packages.join(', ')}) cannot be installed: ${reason}`,
    {
      output,
      retryable: isTransientFailure(output),
      cause: failure,
    },
  );
}
