/** Builds the console when it is missing or outdated; its dist/.devforge-build has the hash of what it was built from. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectEnv, run } from './exec.mjs';
import { Failure } from './failure.mjs';
import { hashOf } from './input-hash.mjs';
import { NODE, ROOT } from './paths.mjs';

const INPUTS = [
  'packages/console/src',
  'packages/console/build',
  'packages/console/public',
  'packages/console/index.html',
  'packages/console/vite.config.ts',
  'packages/console/package.json',
  'packages/contract/error-codes.js',
  'package-lock.json',
];
const BUILD_MS = 5 * 60_000;

/** @returns {Promise<string | undefined>} what Vite printed about sizes; undefined when it was up to date */
export async function ensureConsole(root = ROOT) {
  const folder = join(root, 'packages', 'console');
  const stampFile = join(folder, 'dist', '.devforge-build');
  const hash = hashOf(root, INPUTS);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hash) return undefined;
  let sizes = 'built';
  const { code, lines } = await run(NODE, [viteProgram(root), 'build'], {
    cwd: folder,
    env: projectEnv({ NODE_ENV: 'production' }),
    timeoutMs: BUILD_MS,
    onLine: (line) => {
      sizes = /first load: .*/.exec(line)?.[0] ?? sizes;
    },
  });
  if (code !== 0) throw new Failure('Building the console failed.', ['npm run build'], lines.slice(-20));
  writeFileSync(stampFile, hash);
  return sizes;
}

/** npm puts it beside the console where another package needs another version. */
function viteProgram(root) {
  const places = [join(root, 'packages', 'console'), root].map((folder) =>
    join(folder, 'node_modules/vite/bin/vite.js'),
  );
  const found = places.find((place) => existsSync(place));
  if (!found) throw new Failure('Vite is not installed.', ['npm ci --include=dev', 'then run this again']);
  return found;
}
