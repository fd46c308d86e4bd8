/** Runs `nest build` when dist is missing or outdated; dist/.devforge-build has the hash of the sources it was built from. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { sorted } from './arrays.mjs';
import { projectEnv, run } from './exec.mjs';
import { Failure } from './failure.mjs';
import { BIN, ROOT } from './paths.mjs';

const INPUTS = ['src', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', '.swcrc'];
const BUILD_MS = 5 * 60_000;

/** @returns {string} a hash of names and contents of everything that the build reads */
export function sourceHash(root = ROOT) {
  const hash = createHash('sha256');
  for (const file of INPUTS.flatMap((name) => filesUnder(join(root, name)))) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  const entries = readdirOrFile(path);
  if (!entries) return [path];
  const names = entries.map((entry) => entry.name).filter((name) => !name.endsWith('.spec.ts'));
  return sorted(names).flatMap((name) => filesUnder(join(path, name)));
}

function readdirOrFile(path) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

export async function ensureBuild(step, root = ROOT) {
  const stampFile = join(root, 'dist', '.devforge-build');
  const main = join(root, 'dist', 'main.js');
  const hash = sourceHash(root);
  if (existsSync(main) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === hash)
    return step.done('up to date');
  step.progress('nest build');
  const { code, lines } = await run(join(BIN, 'nest'), ['build'], {
    cwd: root,
    env: projectEnv(),
    timeoutMs: BUILD_MS,
  });
  if (code !== 0 || !existsSync(main)) throw new Failure('The build failed.', ['npm run build'], lines.slice(-20));
  writeFileSync(stampFile, hash);
  return step.done('built');
}
