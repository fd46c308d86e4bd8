import { spawn } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const QUIET = {
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ALLOW_PROTOCOL: '',
  LC_ALL: 'C',
};
const OVERRIDES = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.splitIndex', 'false'],
  ['core.untrackedCache', 'false'],
  ['core.safecrlf', 'false'],
];

const UNREADABLE = '\ufffd';
/** Itself, in a file it includes, or in the configuration of this work tree alone. */
const MAY_NAME_FILTERS = /filter|include|worktreeConfig/i;

/**
 * Git on a repository that is not trusted: nothing that its configuration names is run, neither hooks nor filters, file
 * system monitors, text converters or remote helpers. With an empty command for a filter, git takes the file as it is.
 */
export class Git {
  /** @returns {Promise<string[]>} absolute paths of the work tree, its index, its objects and its configuration */
  static async locate(cwd, deadline) {
    const plain = join(cwd, '.git');
    // An ordinary repository need not be asked where it is.
    if (lstatSync(plain, { throwIfNoEntry: false })?.isDirectory())
      return [cwd, join(plain, 'index'), join(plain, 'objects'), join(plain, 'config')];
    const git = new Git(cwd, {}, OVERRIDES, deadline);
    const shown = await git.run([
      'rev-parse',
      '--show-toplevel',
      ...['index', 'objects', 'config'].flatMap((path) => ['--git-path', path]),
    ]);
    return shown
      .toString()
      .split('\n')
      .slice(0, 4)
      .map((path) => resolve(cwd, path));
  }

  static async open(top, { index, objects, alternate, configuration }, deadline) {
    const variables = {
      GIT_INDEX_FILE: index,
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: alternate,
    };
    const plain = new Git(top, variables, OVERRIDES, deadline);
    if (!MAY_NAME_FILTERS.test(readFileSync(configuration, 'utf8'))) return plain;
    const names = await plain.run(
      ['config', '--name-only', '-z', '--get-regexp', '^filter\\..*\\.(clean|smudge|process|required)$'],
      undefined,
      [0, 1],
    );
    if (names.toString('utf8').includes(UNREADABLE))
      throw new Error('a filter cannot be named, so it cannot be turned off');
    const filters = split(names, 'utf8').map((name) => [name, name.endsWith('.required') ? 'false' : '']);
    return new Git(top, variables, [...OVERRIDES, ...filters], deadline);
  }

  constructor(top, variables, configuration, deadline) {
    this.top = top;
    this.deadline = deadline;
    this.environment = { ...process.env, ...QUIET, ...variables, GIT_CONFIG_COUNT: String(configuration.length) };
    for (const [at, [key, value]] of configuration.entries()) {
      this.environment[`GIT_CONFIG_KEY_${at}`] = key;
      this.environment[`GIT_CONFIG_VALUE_${at}`] = value;
    }
  }

  /** @returns {Promise<Buffer>} what the command prints */
  async run(words, input, good = [0]) {
    const git = this.#spawn(words);
    const chunks = [];
    git.stdout.on('data', (chunk) => chunks.push(chunk));
    git.stdin.on('error', () => undefined);
    git.stdin.end(input);
    const code = await new Promise((done, failed) => git.once('error', failed).once('close', done));
    if (!good.includes(code)) throw new Error(`git ${words[0]} ended with ${code}`);
    return Buffer.concat(chunks);
  }

  /** The difference of two trees as a patch that `git apply` takes, as it is printed. */
  diff(before, after) {
    return this.#spawn([
      'diff-tree',
      '-r',
      '-p',
      '--binary',
      '--full-index',
      '--find-renames',
      '--no-ext-diff',
      '--no-textconv',
      '--no-color',
      '--ignore-submodules=dirty',
      '--src-prefix=a/',
      '--dst-prefix=b/',
      before,
      after,
    ]);
  }

  #spawn(words) {
    return spawn('git', words, {
      cwd: this.top,
      env: this.environment,
      stdio: ['pipe', 'pipe', 'ignore'],
      signal: this.deadline,
      killSignal: 'SIGKILL',
    });
  }
}

/** The words of a NUL separated list; as latin1 they keep their bytes. */
export function split(list, encoding = 'latin1') {
  return list
    .toString(encoding)
    .split('\0')
    .filter((word) => word !== '');
}
