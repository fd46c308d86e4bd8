/**
 * npm start
 * Runs the built server alone: installs npm packages when they are missing, builds when the sources changed, then runs in
 * the foreground and exits with the server's exit code. Docker is neither installed nor started.
 * Where EXTRA_CA_CERTS is unset it gets the value that the quickstart uses, so that both share one workspace image.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ensureBuild } from './lib/build.mjs';
import { runCommand } from './lib/entry.mjs';
import { projectEnv } from './lib/exec.mjs';
import { extraCa } from './lib/extra-ca.mjs';
import { ensureNpmPackages } from './lib/npm-packages.mjs';
import { NODE, ROOT, SERVER } from './lib/paths.mjs';
import { quickstartFiles } from './lib/quickstart/git-certificate.mjs';
import { loadSettings } from './lib/settings.mjs';
import { createSteps } from './lib/steps.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

await runCommand(async () => {
  const steps = createSteps({ total: 2 });
  await steps.run('npm packages', (step) => ensureNpmPackages(step));
  await steps.run('build', (step) => ensureBuild(step));
  return serve(caSetting());
});

/** @returns {{ EXTRA_CA_CERTS?: string }} */
function caSetting() {
  const { values, dataDir } = loadSettings();
  const { bundle } = quickstartFiles(dataDir);
  const file = !values.EXTRA_CA_CERTS && existsSync(bundle) ? bundle : extraCa(values)?.file;
  if (!file) return {};
  if (!values.EXTRA_CA_CERTS) process.stdout.write(`EXTRA_CA_CERTS is ${file}\n`);
  return { EXTRA_CA_CERTS: file };
}

/** The server has a process group of its own: otherwise Ctrl-C would reach it twice, from the terminal and forwarded. */
function serve(settings) {
  const child = spawn(NODE, SERVER, { cwd: ROOT, env: projectEnv(settings), stdio: 'inherit', detached: true });
  for (const signal of SIGNALS) {
    process.removeAllListeners(signal);
    process.on(signal, () => child.kill(/** @type {NodeJS.Signals} */ (signal)));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}
