import { randomBytes } from 'node:crypto';

/** Path inside the repository → content. */
export type Files = Record<string, string | Buffer>;

/** What a repository holds when a test meets it. */
export interface RepositorySeed {
  /** The first commit. A README by default; `{}` makes a repository without any commit. */
  files?: Files;
  /** Further commits on the default branch: written out, or so many small ones. */
  commits?: { message: string; files: Files }[] | number;
  /** Further branches, each one commit ahead of the default one. */
  branches?: Record<string, Files>;
  defaultBranch?: string;
  /** Over HTTPS it asks for credentials, by 401 Basic. Over SSH every repository wants an authorised key. */
  private?: boolean;
  /** Adds random data, which does not compress, in many files of 256 KiB so that the progress of a clone is smooth. */
  randomMiB?: number;
}

/** The person who made every commit of a seed. */
export const SEED_AUTHOR = 'Seed <seed@devforge.test>';

const SEED_EPOCH_SECONDS = 1_700_000_000;
const RANDOM_FILES_PER_MIB = 4;

/** The stream for `git fast-import` that makes what a seed asks for. */
export function* fastImport(name: string, seed: RepositorySeed, defaultBranch: string): Generator<Buffer | string> {
  const { files = { 'README.md': `# ${name}\n` }, branches = {} } = seed;
  if (Object.keys(files).length === 0) return;
  let second = SEED_EPOCH_SECONDS;
  const commit = (branch: string, message: string, from?: string) =>
    `commit refs/heads/${branch}\ncommitter ${SEED_AUTHOR} ${second++} +0000\n` +
    `data ${Buffer.byteLength(message)}\n${message}\n${from ? `from refs/heads/${from}\n` : ''}`;

  yield commit(defaultBranch, 'Initial commit');
  yield* entries(files);
  if (seed.randomMiB) yield* randomFiles(seed.randomMiB);
  for (const { message, files: changed } of furtherCommits(seed.commits)) {
    yield commit(defaultBranch, message);
    yield* entries(changed);
  }
  for (const [branch, changed] of Object.entries(branches)) {
    yield commit(branch, `Work on ${branch}`, defaultBranch);
    yield* entries(changed);
  }
}

function furtherCommits(commits: RepositorySeed['commits'] = []): { message: string; files: Files }[] {
  if (typeof commits !== 'number') return commits;
  return Array.from({ length: commits }, (_, index) => ({
    message: `Change ${index + 1}`,
    files: { 'CHANGES.md': `${index + 1} changes\n` },
  }));
}

function* entries(files: Files): Generator<Buffer | string> {
  for (const [path, content] of Object.entries(files)) {
    yield `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n`;
    yield content;
    yield '\n';
  }
}

function* randomFiles(mebibytes: number): Generator<Buffer | string> {
  for (let index = 0; index < mebibytes * RANDOM_FILES_PER_MIB; index += 1) {
    yield* entries({ [`random/${index}.bin`]: randomBytes((1024 * 1024) / RANDOM_FILES_PER_MIB) });
  }
}
