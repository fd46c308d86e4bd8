/**
 * npm start
 * Runs the built server alone: installs npm packages when they are missing, builds when the sources changed, then runs in
 * the foreground and exits with the server's exit code. Docker is neither installed nor started.
 * At a terminal it prints a link that signs a browser in to the console, once the server is ready.
 * Where EXTRA_CA_CERTS is unset it gets the value that the quickstart uses, so that both share one workspace image.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBuild } from './lib/build.mjs';
import { runCommand } from './lib/entry.mjs';
import { projectEnv } from './lib/exec.mjs';
import { extraCa } from './lib/extra-ca.mjs';
import { ensureNpmPackages } from './lib/npm-packages.mjs';
import { NODE, ROOT, SERVER } from './lib/paths.mjs';
import { quickstartFiles } from './lib/quickstart/git-certificate.mjs';
import { call } from './lib/quickstart/client.mjs';
import { readToken } from './lib/quickstart/server.mjs';
import { loadSettings, parsePort, reachableHost } from './lib/settings.mjs';
import { openInBrowser, requestSignInLink } from './lib/sign-in-link.mjs';
import { createSteps } from './lib/steps.mjs';

const READY_POLL_MS = 300;
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
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  // A reader of the server's log must not be able to sign in as its administrator.
  if (process.stdout.isTTY) void printSignInLink(hasEnded).catch(() => {});
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** @param {() => boolean} hasEnded of the server */
async function printSignInLink(hasEnded) {
  const settings = loadSettings();
  const server = { host: reachableHost(settings.host), port: parsePort(settings.port) };
  while (!(await isReady(server))) {
    if (hasEnded()) return;
    await sleep(READY_POLL_MS);
  }
  const token = readToken(settings);
  const link = !hasEnded() && token ? await requestSignInLink({ ...server, token }) : undefined;
  if (!link) return;
  process.stdout.write(`\nConsole: ${link.url}\n  signs in as administrator; works once, until ${link.expiresAt}\n\n`);
  openInBrowser(link.url);
}

async function isReady(server) {
  try {
    return (await call({ ...server, path: '/health/ready', timeoutMs: 5_000 })).status === 200;
  } catch {
    return false;
  }
}
