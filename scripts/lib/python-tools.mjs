/** The Python programs that the tests run, each set in a virtual environment of the project. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installPackages } from './apt.mjs';
import { run } from './exec.mjs';
import { Failure } from './failure.mjs';
import { ROOT } from './paths.mjs';

const INSTALL_MS = 10 * 60_000;

/**
 * Installs the packages of test/support/python/<name>.txt into node_modules/.cache/devforge-python/<name>.
 * @param {'clients' | 'schemathesis'} name
 * @param {import('./host.mjs').Host} host
 * @param {{ done: (text: string) => unknown, progress: (text: string) => void }} step
 * @throws {Failure}
 */
export async function ensurePythonTools(name, host, step) {
  const requirements = join(ROOT, 'test', 'support', 'python', `${name}.txt`);
  const folder = join(ROOT, 'node_modules', '.cache', 'devforge-python', name);
  const mark = join(folder, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return step.done('present');
  if ((await run('python3', ['-c', 'import ensurepip, venv'])).code !== 0)
    await installPackages(host, ['python3-venv'], { purpose: 'The test suite', progress: step.progress });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  step.progress('creating a virtual environment');
  await mustRun('python3', ['-m', 'venv', folder]);
  step.progress('pip install');
  const words = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
  await mustRun(join(folder, 'bin', 'python'), words);
  writeFileSync(mark, wanted);
  return step.done('installed');
}

/** @param {string} program @param {string[]} args */
async function mustRun(program, args) {
  const { code, lines } = await run(program, args, { timeoutMs: INSTALL_MS });
  if (code !== 0) throw new Failure(`${program} ${args.join(' ')} failed.`, [], lines);
}
