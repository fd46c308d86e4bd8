import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pack } from 'tar-stream';
import type { Template } from '../../../persistence/types.js';

const FOLDER = fileURLToPath(new URL('../../../../images/workspace', import.meta.url));
const EXTRA_CA = 'extra-ca.crt';
const EXECUTABLE = 0o755;
const PLAIN = 0o644;

/** A target of the Dockerfile: the workspace image of a template, or the egress gateway. */
export type ImageTarget = Template | 'gateway';

interface ContextFile {
  name: string;
  mode: number;
  content: Buffer;
}

interface Source {
  path: string;
  name: string;
  mode: number;
  /** Size, inode and times of the file. */
  state: number[];
}

/** The input of an image build: the files of `images/workspace` and the extra certificate authorities. */
export interface BuildContext {
  /** Hash of the name, mode and content of every file that the target is made of. */
  digest(target: ImageTarget): string;
  tar(): Readable;
}

/** Reads the build context; files are read again only after one of them changed. */
export class BuildContextReader {
  private known: { sources: string; context: BuildContext } | undefined;

  /** @param extraCaCerts path of a PEM bundle */
  constructor(private readonly extraCaCerts: string | undefined) {}

  async read(): Promise<BuildContext> {
    const found = await findSources(this.extraCaCerts);
    const sources = JSON.stringify(found);
    if (this.known?.sources === sources) return this.known.context;
    const context = await readSources(found);
    this.known = { sources, context };
    return context;
  }
}

async function findSources(extraCaCerts: string | undefined): Promise<Source[]> {
  const entries = await readdir(FOLDER, { recursive: true, withFileTypes: true });
  const inFolder = entries
    .filter((entry) => entry.isFile() && entry.name !== EXTRA_CA && entry.name !== '.gitignore')
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => toSource(path, relative(FOLDER, path).split(sep).join('/')));
  return Promise.all(extraCaCerts === undefined ? inFolder : [...inFolder, toSource(extraCaCerts, EXTRA_CA)]);
}

async function toSource(path: string, name: string): Promise<Source> {
  const { mode, size, ino, mtimeMs, ctimeMs } = await stat(path);
  return {
    path,
    name,
    mode: name === EXTRA_CA || (mode & 0o100) === 0 ? PLAIN : EXECUTABLE,
    state: [size, ino, mtimeMs, ctimeMs],
  };
}

async function readSources(sources: Source[]): Promise<BuildContext> {
  const files = await Promise.all(
    sources.map(async ({ path, name, mode }): Promise<ContextFile> => ({ name, mode, content: await readFile(path) })),
  );
  // The Dockerfile copies it even when there is none.
  if (!files.some(({ name }) => name === EXTRA_CA))
    files.push({ name: EXTRA_CA, mode: PLAIN, content: Buffer.alloc(0) });
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const [gateway, workspace] = [true, false].map((isGateway) => digestOf(files, isGateway));
  return { digest: (target) => (target === 'gateway' ? gateway! : workspace!), tar: () => toTar(files) };
}

function digestOf(files: ContextFile[], isGateway: boolean): string {
  const hash = createHash('sha256');
  for (const { name, mode, content } of files)
    if (isGateway ? !/^(rootfs\/|make-)/.test(name) : !name.startsWith('gateway/'))
      hash.update(`${name}\0${mode}\0${content.length}\0`).update(content);
  return hash.digest('hex');
}

function toTar(files: ContextFile[]): Readable {
  const tar = pack();
  for (const { name, mode, content } of files)
    tar.entry({ name, mode, mtime: new Date(0), size: content.length }, content);
  tar.finalize();
  // tar-stream has a Readable of its own; dockerode needs Node's type.
  return tar as unknown as Readable;
}
