import type { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { HOME_FOLDER, WORKSPACE_FOLDER } from '../../workspace.js';
import type { InspectedImage } from '../engine/engine-client.js';
import type { SourceFiles } from './source-image.js';
import { withWorkspaceUser } from './workspace-user.js';

/** Changes whenever another image is made of the same parts, since images are found by what they are made of. */
export const LAYOUT = '1';

const PROGRAMS = '/opt/devforge/bin';
const CERTIFICATES = '/opt/devforge/etc/ca-certificates.crt';
const STANDARD_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** These would change what DevForge's own programs do. */
const CLEARED = ['LD_PRELOAD', 'LD_AUDIT', 'NODE_OPTIONS', 'BASH_ENV', 'ENV'];
/** Programs that bring a trust store of their own read these. */
const TRUST = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'PIP_CERT',
  'CARGO_HTTP_CAINFO',
  'AWS_CA_BUNDLE',
];
const DIRECTORY = 0o755;
const PLAIN = 0o644;

export interface LaidImage {
  /** What the image's own programs and files are, and where it is at the engine. */
  source: Pick<InspectedImage, 'id' | 'env' | 'volumes' | 'hasTriggers'>;
  files: SourceFiles;
  /** Reference of the image whose files are laid over it. */
  tools: string;
}

/** The build context of an image with DevForge's programs laid over it. No program of the image runs in the build. */
export function laidImageContext(image: LaidImage): Readable {
  const env = environmentOf(image.source.env);
  const tar = pack();
  const add = (name: string, content: string, mode = PLAIN): void =>
    void tar.entry({ name, mode, mtime: new Date(0) }, content);
  const { passwd, group } = withWorkspaceUser(image.files, image.files);
  add('Dockerfile', dockerfileOf(image, env));
  for (const folder of ['etc', 'etc/profile.d', ...(image.files.hasSshConfig ? [] : ['etc/ssh'])])
    tar.entry({ name: `overlay/${folder}/`, type: 'directory', mode: DIRECTORY, mtime: new Date(0) });
  add('overlay/etc/passwd', passwd);
  add('overlay/etc/group', group);
  // Login shells of Debian and Ubuntu forget the image's own.
  add('overlay/etc/profile.d/devforge-image.sh', `PATH=${shellQuoted(env['PATH']!)}\n`);
  if (!image.files.hasSshConfig) add('overlay/etc/ssh/ssh_config', 'Include /etc/ssh/ssh_config.d/*.conf\n');
  tar.finalize();
  // tar-stream has a Readable of its own; dockerode needs Node's type.
  return tar as unknown as Readable;
}

/** What workspaces of an image have in their environment beside the image's own. */
export function environmentOf(own: Record<string, string>): Record<string, string> {
  const cleared = CLEARED.filter((name) => (own[name] ?? '') !== '').map((name) => [name, '']);
  return {
    PATH: pathOf(own['PATH']),
    HOME: HOME_FOLDER,
    ...(own['LANG'] === undefined && own['LC_ALL'] === undefined ? { LANG: 'C.UTF-8' } : {}),
    ...(own['EDITOR'] === undefined ? { EDITOR: 'nano' } : {}),
    ...Object.fromEntries(TRUST.map((name) => [name, CERTIFICATES])),
    DENO_TLS_CA_STORE: 'system',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    ...Object.fromEntries(cleared),
  };
}

/** The image's own programs come first. */
function pathOf(own = ''): string {
  const folders = own.split(':').filter((folder) => folder.startsWith('/'));
  const all = [...folders, ...STANDARD_PATH, PROGRAMS, `${HOME_FOLDER}/.local/bin`];
  return [...new Set(all)].join(':');
}

function dockerfileOf({ source, tools }: LaidImage, env: Record<string, string>): string {
  // A volume without a name cannot be counted or kept, and triggers would run; neither is left in a copy.
  const isCopied = source.volumes.length > 0 || source.hasTriggers;
  const kept = Object.entries(source.env).filter(([name, value]) => /^\w+$/.test(name) && !/[\r\n\0]/.test(value));
  const variables = Object.entries({ ...(isCopied ? Object.fromEntries(kept) : {}), ...env }).map(
    ([name, value]) => `${name}=${quoted(value)}`,
  );
  return [
    ...(isCopied ? ['FROM scratch', `COPY --from=${source.id} / /`] : [`FROM ${source.id}`]),
    `COPY --from=${tools} / /`,
    'COPY overlay/ /',
    `ENV ${variables.join(' ')}`,
    'USER 1000:1000',
    `WORKDIR ${WORKSPACE_FOLDER}`,
    'ENTRYPOINT ["/usr/local/bin/devforge-workspace"]',
    'CMD []',
    'STOPSIGNAL SIGTERM',
    'HEALTHCHECK NONE',
    '',
  ].join('\n');
}

function quoted(value: string): string {
  return `"${value.replace(/["\\$]/g, '\\$&')}"`;
}

function shellQuoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
