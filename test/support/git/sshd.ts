import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../api/free-port.js';
import { OwnedProcess } from '../api/owned-process.js';
import { requireTool } from '../api/tool.js';
import { run } from './run.js';

export interface SshdOptions {
  /** Where its configuration goes. */
  dir: string;
  hostKeyPath: string;
  authorizedKeysPath: string;
  repositoriesRoot: string;
}

export interface Sshd {
  process: OwnedProcess;
  /** On loopback. */
  port: number;
}

const READY_MS = 5_000;
const ATTEMPTS = 3;
const PRIVILEGE_SEPARATION_DIR = '/run/sshd';

/** The only thing a signed-in key can do: read or write one bare repository, by its plain name. */
const serveScript = (git: string, root: string) => `#!/bin/sh
refuse() { echo "$1" >&2; exit 128; }
case "\${SSH_ORIGINAL_COMMAND:-}" in
  "git-upload-pack '"*"'" | "git-receive-pack '"*"'") ;;
  *) refuse "Only git is served here." ;;
esac
verb=\${SSH_ORIGINAL_COMMAND%% *}
name=\${SSH_ORIGINAL_COMMAND#*\\'}
name=\${name%\\'}
name=\${name#/}
name=\${name%.git}
case "$name" in '' | .* | *[!A-Za-z0-9._-]*) refuse "Repository not found." ;; esac
[ -d "${root}/$name.git" ] || refuse "Repository not found."
exec "${git}" "\${verb#git-}" "${root}/$name.git"
`;

/** Starts OpenSSH's server for the current user, keys only, on a free loopback port. */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const binary = requireTool('sshd', 'openssh-server');
  // As root it insists on its empty folder, which the system's own service makes when it starts.
  if (userInfo().uid === 0) await mkdir(PRIVILEGE_SEPARATION_DIR, { recursive: true, mode: 0o755 });
  const script = join(options.dir, 'serve.sh');
  await writeFile(script, serveScript(requireTool('git', 'git'), options.repositoriesRoot), { mode: 0o755 });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launch(binary, options, script);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function launch(binary: string, options: SshdOptions, script: string): Promise<Sshd> {
  const port = await freePort();
  const config = join(options.dir, 'sshd_config');
  await writeFile(config, configuration(options, script, port));
  // OpenSSH 9.8 and later shut an address out after a few refused keys; older ones do not know the setting.
  const lenient = ['-o', 'PerSourcePenalties=no'];
  const known = (await run(binary, ['-t', '-f', config, ...lenient])).exitCode === 0;
  const args = ['-D', '-e', '-f', config, ...(known ? lenient : [])];
  const process = OwnedProcess.start(binary, args, { cwd: options.dir, env: { PATH: '/usr/bin:/bin' } });
  try {
    await process.ready('sshd', () => process.output().includes('Server listening on'), READY_MS);
  } catch (error) {
    await process.end('SIGKILL');
    throw error;
  }
  return { process, port };
}

function configuration(options: SshdOptions, script: string, port: number): string {
  return `
ListenAddress 127.0.0.1:${port}
HostKey ${options.hostKeyPath}
AuthorizedKeysFile ${options.authorizedKeysPath}
AllowUsers ${userInfo().username}
PermitRootLogin prohibit-password
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
ForceCommand /bin/sh ${script}
AcceptEnv GIT_PROTOCOL
DisableForwarding yes
PermitTTY no
PrintMotd no
UseDNS no
MaxStartups 500
LogLevel VERBOSE
`;
}
