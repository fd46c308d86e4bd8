import { accessSync, constants, copyFileSync, lstatSync, mkdirSync } from 'node:fs';
import { Git, split } from './git.mjs';
import { writePatch } from './patch.mjs';

/** A repository too big to be looked at in this time goes without a diff. */
const DEADLINE_MS = 60_000;
/** What is bigger counts as unchanged: no patch would hold it. */
const LARGEST_FILE = 20 * 1024 * 1024;
const NOTHING = { treeBefore: null, treeAfter: null, diffBytes: 0, diffTruncated: false };

/**
 * The state of the work tree as a git tree, taken beside the repository: the index is a copy, new objects go into the
 * instruction's own folder. What .gitignore names is left out.
 */
export class Repository {
  constructor(folder, cwd) {
    this.folder = folder;
    this.cwd = cwd;
  }

  /** @returns {Promise<string | null>} the tree's id, `null` without a repository or in time */
  async tree() {
    try {
      const git = await this.#open();
      const changed = await git.run(['ls-files', '-z', '--modified', '--deleted', '--others', '--exclude-standard']);
      const names = [...new Set(split(changed))].filter((name) =>
        comparable(Buffer.from(`${git.top}/${name}`, 'latin1')),
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

  /** Compares with a tree taken earlier, and keeps the difference in diff.patch. */
  async changesSince(treeBefore) {
    if (treeBefore === null) return NOTHING;
    const treeAfter = await this.tree();
    if (treeAfter === null) return { ...NOTHING, treeBefore };
    try {
      const git = await this.#open();
      const { bytes, truncated } = await writePatch(git.diff(treeBefore, treeAfter), this.folder.file('diff.patch'));
      return { treeBefore, treeAfter, diffBytes: bytes, diffTruncated: truncated };
    } catch {
      return { ...NOTHING, treeBefore, treeAfter };
    }
  }

  /** The snapshots, which the patch replaces. */
  forget() {
    this.folder.remove('objects', 'index');
  }

  async #open() {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const [top, index, objects, configuration] = await Git.locate(this.cwd, deadline);
    const copy = this.folder.file('index');
    this.folder.remove('index');
    try {
      copyFileSync(index, copy);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    mkdirSync(this.folder.file('objects'), { recursive: true });
    return Git.open(
      top,
      { index: copy, objects: this.folder.file('objects'), alternate: objects, configuration },
      deadline,
    );
  }
}

/** A file that git can read and a patch can hold, or one that is gone; a repository within the repository is neither. */
function comparable(path) {
  if (path.at(-1) === 0x2f) return false;
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (!file?.isFile()) return true;
  try {
    accessSync(path, constants.R_OK);
    return file.size <= LARGEST_FILE;
  } catch {
    return false;
  }
}
