import { join } from 'node:path';
import { requireTool } from '../api/tool.js';
import { fastImport, type RepositorySeed } from './repository-seed.js';
import { gitEnvironment, runOrThrow } from './run.js';

export interface Commit {
  hash: string;
  author: string;
  email: string;
  /** ISO 8601. */
  date: string;
  subject: string;
}

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const LOG_FORMAT = '--format=%H%x1f%an%x1f%ae%x1f%aI%x1f%s';

/** The bare repositories that the servers of a test offer. */
export class Repositories {
  private readonly visibility = new Map<string, 'public' | 'private'>();
  private readonly git = requireTool('git', 'git');

  /** @param root the folder that holds `<name>.git` */
  constructor(readonly root: string) {}

  async create(name: string, seed: RepositorySeed = {}): Promise<void> {
    if (!NAME.test(name)) throw new Error(`Not a name for a repository: ${name}`);
    if (this.visibility.has(name)) throw new Error(`The repository ${name} exists already.`);
    const branch = seed.defaultBranch ?? 'main';
    await this.call(['init', '--quiet', '--bare', this.path(name)]);
    await this.in(name, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
    const speed = ['-c', 'core.compression=0', '-c', 'fastimport.unpackLimit=1'];
    await this.in(name, [...speed, 'fast-import', '--quiet'], fastImport(name, seed, branch));
    this.visibility.set(name, seed.private ? 'private' : 'public');
  }

  /** `undefined` when there is no such repository. */
  visibilityOf(name: string): 'public' | 'private' | undefined {
    return this.visibility.get(name);
  }

  /** The commits of a branch, newest first. Shows that a push has arrived. */
  async log(name: string, branch = 'main'): Promise<Commit[]> {
    const text = await this.in(name, ['log', LOG_FORMAT, `refs/heads/${branch}`, '--']);
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [hash = '', author = '', email = '', date = '', subject = ''] = line.split('\x1f');
        return { hash, author, email, date, subject };
      });
  }

  /** Adds a commit to the default branch's newest that no branch contains. @returns its hash */
  async commitInNoBranch(name: string): Promise<string> {
    const person = ['-c', 'user.name=Seed', '-c', 'user.email=seed@devforge.test'];
    const hash = await this.in(name, [...person, 'commit-tree', 'HEAD^{tree}', '-p', 'HEAD', '-m', 'In no branch']);
    return hash.trim();
  }

  async branches(name: string): Promise<string[]> {
    const text = await this.in(name, ['for-each-ref', '--format=%(refname:strip=2)', 'refs/heads']);
    return text.split('\n').filter(Boolean);
  }

  /** A file's content as it stands on a branch. */
  readFile(name: string, branch: string, path: string): Promise<string> {
    return this.in(name, ['show', `refs/heads/${branch}:${path}`]);
  }

  private path(name: string): string {
    return join(this.root, `${name}.git`);
  }

  private in(name: string, args: string[], input?: Iterable<Buffer | string>): Promise<string> {
    return this.call([`--git-dir=${this.path(name)}`, ...args], input);
  }

  private call(args: string[], input: Iterable<Buffer | string> = []): Promise<string> {
    return runOrThrow(this.git, args, { env: gitEnvironment(), input });
  }
}
