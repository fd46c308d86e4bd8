/**
 * Builds server and console when they are missing or outdated; dist/.devforge-build has the hash of the sources that the server
 * was built from.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureConsole } from './console-build.mjs';
import { projectEnv, run } from './exec.mjs';
import { Failure } from './failure.mjs';
import { hashOf } from './input-hash.mjs';
import { BIN, NODE, ROOT } from './paths.mjs';

const INPUTS = [
  'src',
  'scripts/bundle.mjs',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'nest-cli.json',
  '.swcrc',
];
const BUILD_MS = 5 * 60_000;

export async function ensureBuild(step, root = ROOT) {
  step.progress('nest build');
  const isServerBuilt = await ensureServer(root);
  step.progress('vite build');
  const isConsoleBuilt = (await ensureConsole(root)) !== undefined;
  return step.done(isServerBuilt || isConsoleBuilt ? 'built' : 'up to date');
}

/** @returns {Promise<boolean>} whether it had to be built */
async function ensureServer(root) {
  const stampFile = join(root, 'dist', '.devforge-build');
  const main = join(root, 'dist', 'main.js');
  const hash = hashOf(root, INPUTS);
  if (existsSync(main) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hash) return false;
  for (const [program, ...args] of [
    [join(BIN, 'nest'), 'build'],
    [NODE, join(root, 'scripts', 'bundle.mjs')],
  ]) {
    const { code, lines } = await run(program, args, { cwd: root, env: projectEnv(), timeoutMs: BUILD_MS });
    if (code !== 0 || !existsSync(main)) throw new Failure('The build failed.', ['npm run build'], lines.slice(-20));
  }
  writeFileSync(stampFile, hash);
  return true;
}
