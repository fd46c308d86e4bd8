/**
 * node scripts/shellcheck.mjs
 * Checks every shell script of the project: files that begin with a shebang of sh or bash, or with a shellcheck directive.
 * Installs shellcheck where it is missing, or says what to run.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from './lib/apt.mjs';
import { runCommand } from './lib/entry.mjs';
import { hostEnv, which } from './lib/exec.mjs';
import { hostFacts } from './lib/host.mjs';
import { ROOT } from './lib/paths.mjs';

const FOLDERS = ['.ci', 'bench', 'deploy', 'examples', 'images', 'scripts', 'test'];
const SHELL_SCRIPT = /^#!.*\b(ba)?sh\b|^# shellcheck shell=/;
const FIRST_LINE_BYTES = 128;

function isShellScript(path) {
  const descriptor = openSync(path, 'r');
  try {
    const start = Buffer.alloc(FIRST_LINE_BYTES);
    const length = readSync(descriptor, start, 0, FIRST_LINE_BYTES, 0);
    return SHELL_SCRIPT.test(start.toString('latin1', 0, length));
  } finally {
    closeSync(descriptor);
  }
}

await runCommand(async () => {
  if (!which('shellcheck'))
    await installPackages(hostFacts(), ['shellcheck'], {
      purpose: 'npm run lint',
      progress: (text) => process.stderr.write(`shellcheck: ${text}\n`),
    });
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const { status, error } = spawnSync(which('shellcheck') ?? 'shellcheck', files.filter(isShellScript), {
    stdio: 'inherit',
    env: hostEnv(),
  });
  if (error) throw error;
  return status ?? 1;
});
