import { accessSync, constants, copyFileSync, lstatSync, mkdirSync } from 'node:fs';
import { isMissing } from './folder.mjs';
import { Git, split } from './git.mjs';
import { writePatch } from './patch.mjs';

/** For a repository that takes longer, no diff is made. */
const TIMEOUT_MS = 60_000;
/** Larger files are treated as unchanged: a patch could not hold them. */
const MAX_FILE_BYTES = 20 * 1024 * 1024;
const NO_CHANGES = { treeBefore: null, treeAfter: null, diffBytes: 0, diffTruncated: false };
const SLASH = 0x2f;

/**
 * Records the state of the work tree as a git tree, without files that .gitignore excludes. The repository itself is not
 * changed: the index is a copy, and new objects are written to the instruction's own folder.
 */
export class Repository {
  #folder;
  #cwd;

  /** @param {import('./folder.mjs').Folder} folder @param {string} cwd */
  constructor(folder, cwd) {
    this.#folder = folder;
    this.#cwd = cwd;
  }

  /** @returns {Promise<string | null>} the tree's id; `null` without a repository, or on a time-out */
  async tree() {
    try {
      const git = await this.#open();
      const changed = await git.run(['ls-files', '-z', '--modified', '--deleted', '--others', '--exclude-standard']);
      const names = [...new Set(split(changed))].filter((name) =>
        isComparable(Buffer.from(`${git.top}/${name}`, 'latin1')),
      );
      if (names.length > 0) {
        await git.run(
          ['update-index', '-z', '--add', '--remove', '--replace', '--stdin'],
          Buffer.from(`${names.join('\0')}\0`, 'latin1'),
        );
      }
      return (await git.run(['write-tree'])).toString().trim();
    } catch {
      return null;
    }
  }

  /** Compares with an earlier tree and writes the difference to diff.patch. @param {string | null} treeBefore */
  async changesSince(treeBefore) {
    if (treeBefore === null) return NO_CHANGES;
    const treeAfter = await this.tree();
    if (treeAfter === null) return { ...NO_CHANGES, treeBefore };
    try {
      const git = await this.#open();
      const { bytes, truncated } = await writePatch(git.diff(treeBefore, treeAfter), this.#folder.file('diff.patch'));
      return { treeBefore, treeAfter, diffBytes: bytes, diffTruncated: truncated };
    } catch {
      return { ...NO_CHANGES, treeBefore, treeAfter };
    }
  }

  /** Removes the copies that were needed for the patch. */
  removeCopies() {
    this.#folder.remove('objects', 'index');
  }

  async #open() {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const { top, index, objects, configuration } = await Git.locate(this.#cwd, signal);
    const copy = this.#folder.file('index');
    this.#folder.remove('index');
    try {
      copyFileSync(index, copy);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    mkdirSync(this.#folder.file('objects'), { recursive: true });
    return Git.open(
      top,
      { index: copy, objects: this.#folder.file('objects'), alternate: objects, configuration },
      signal,
    );
  }
}

/**
 * Whether git can read the file and a patch can hold it, or whether it has been deleted. Nested repositories, whose paths
 * end with a slash, are not compared.
 * @param {Buffer} path
 */
function isComparable(path) {
  if (path.at(-1) === SLASH) return false;
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (!file?.isFile()) return true;
  try {
    accessSync(path, constants.R_OK);
    return file.size <= MAX_FILE_BYTES;
  } catch {
    return false;
  }
}
