import { spawn } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ENVIRONMENT = {
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ALLOW_PROTOCOL: '',
  LC_ALL: 'C',
};
/** @typedef {[key: string, value: string][]} Configuration */
/** @type {Configuration} */
const OVERRIDES = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.splitIndex', 'false'],
  ['core.untrackedCache', 'false'],
  ['core.safecrlf', 'false'],
  // Names beyond ASCII are shown as they are, not in octal.
  ['core.quotePath', 'false'],
];

const REPLACEMENT_CHARACTER = '\ufffd';
/** Filters may be in the file itself, in a file it includes, or in the configuration of one work tree. */
const MAY_HAVE_FILTERS = /filter|include|worktreeConfig/i;

/**
 * Git on an untrusted repository: it runs nothing that the repository configures, neither hooks nor filters, file system
 * monitors, text converters or remote helpers. With an empty command for a filter, git takes the file as it is.
 */
export class Git {
  #environment;
  #signal;

  /** Absolute paths of the repository that contains a directory. @param {string} cwd @param {AbortSignal} signal */
  static async locate(cwd, signal) {
    const plain = join(cwd, '.git');
    // The paths of an ordinary repository are known without running git.
    if (lstatSync(plain, { throwIfNoEntry: false })?.isDirectory())
      return {
        top: cwd,
        index: join(plain, 'index'),
        objects: join(plain, 'objects'),
        configuration: join(plain, 'config'),
      };
    const git = new Git(cwd, {}, OVERRIDES, signal);
    const shown = await git.run([
      'rev-parse',
      '--show-toplevel',
      ...['index', 'objects', 'config'].flatMap((path) => ['--git-path', path]),
    ]);
    const [top = '', index = '', objects = '', configuration = ''] = shown
      .toString()
      .split('\n')
      .map((path) => resolve(cwd, path));
    return { top, index, objects, configuration };
  }

  /**
   * @param {string} top of the work tree
   * @param {{ index: string, objects: string, alternate: string, configuration: string }} paths where git reads and writes
   *   the index and objects, where it only reads objects, and the repository's configuration
   * @param {AbortSignal} signal
   */
  static async open(top, { index, objects, alternate, configuration }, signal) {
    const variables = {
      GIT_INDEX_FILE: index,
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: alternate,
    };
    const plain = new Git(top, variables, OVERRIDES, signal);
    if (!MAY_HAVE_FILTERS.test(readFileSync(configuration, 'utf8'))) return plain;
    const names = await plain.run(
      ['config', '--name-only', '-z', '--get-regexp', '^filter\\..*\\.(clean|smudge|process|required)$'],
      undefined,
      [0, 1],
    );
    if (names.toString('utf8').includes(REPLACEMENT_CHARACTER))
      throw new Error('a filter cannot be disabled because its name is not valid UTF-8');
    const filters = split(names, 'utf8').map(
      (name) => /** @type {[string, string]} */ ([name, name.endsWith('.required') ? 'false' : '']),
    );
    return new Git(top, variables, [...OVERRIDES, ...filters], signal);
  }

  /**
   * @param {string} top of the work tree
   * @param {Record<string, string>} variables
   * @param {Configuration} configuration
   * @param {AbortSignal} signal
   */
  constructor(top, variables, configuration, signal) {
    this.top = top;
    this.#signal = signal;
    /** @type {NodeJS.ProcessEnv} */
    const environment = {
      ...process.env,
      ...ENVIRONMENT,
      ...variables,
      GIT_CONFIG_COUNT: String(configuration.length),
    };
    for (const [at, [key, value]] of configuration.entries()) {
      environment[`GIT_CONFIG_KEY_${at}`] = key;
      environment[`GIT_CONFIG_VALUE_${at}`] = value;
    }
    this.#environment = environment;
  }

  /**
   * @param {string[]} words
   * @param {Buffer} [input]
   * @param {number[]} [accepted] exit codes
   * @returns {Promise<Buffer>} what the command prints
   */
  async run(words, input, accepted = [0]) {
    const git = this.#spawn(words);
    /** @type {Buffer[]} */
    const chunks = [];
    git.stdout.on('data', (chunk) => chunks.push(chunk));
    git.stdin.on('error', () => undefined);
    git.stdin.end(input);
    /** @type {number} */
    const code = await new Promise((done, failed) => git.once('error', failed).once('close', done));
    if (!accepted.includes(code)) throw new Error(`git ${words[0]} ended with ${code}`);
    return Buffer.concat(chunks);
  }

  /** Prints the difference of two trees as a patch for `git apply`. @param {string} before @param {string} after */
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

  /** @param {string[]} words */
  #spawn(words) {
    return spawn('git', words, {
      cwd: this.top,
      env: this.#environment,
      stdio: ['pipe', 'pipe', 'ignore'],
      signal: this.#signal,
      killSignal: 'SIGKILL',
    });
  }
}

/** The words of a NUL-separated list. As latin1, names that are not valid UTF-8 keep their bytes. @param {Buffer} list @param {BufferEncoding} encoding */
export function split(list, encoding = 'latin1') {
  return list
    .toString(encoding)
    .split('\0')
    .filter((word) => word !== '');
}
