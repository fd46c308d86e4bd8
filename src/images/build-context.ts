import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { pack } from 'tar-stream';

const FOLDER = fileURLToPath(new URL('../../images/workspace', import.meta.url));
const EXTRA_CA = 'extra-ca.crt';
const EXECUTABLE = 0o755;
const PLAIN = 0o644;

interface ContextFile {
  name: string;
  mode: number;
  content: Buffer;
}

/** What goes into an image build: the files of `images/workspace` and the extra certificate authorities. */
export interface BuildContext {
  /** Hash of every file's name, mode and content. */
  digest: string;
  tar(): Readable;
}

/** @param extraCaCerts path of a PEM bundle */
export async function readBuildContext(extraCaCerts: string | undefined): Promise<BuildContext> {
  const files = await readFolder(FOLDER);
  files.push({ name: EXTRA_CA, mode: PLAIN, content: extraCaCerts === undefined ? Buffer.alloc(0) : await readFile(extraCaCerts) });
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const hash = createHash('sha256');
  for (const { name, mode, content } of files) hash.update(`${name}\0${mode}\0${content.length}\0`).update(content);
  return { digest: hash.digest('hex'), tar: () => toTar(files) };
}

async function readFolder(folder: string): Promise<ContextFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile() && entry.name !== EXTRA_CA && entry.name !== '.gitignore')
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const { mode } = await stat(path);
        return {
          name: relative(folder, path).split(sep).join('/'),
          mode: (mode & 0o100) === 0 ? PLAIN : EXECUTABLE,
          content: await readFile(path),
        };
      }),
  );
}

function toTar(files: ContextFile[]): Readable {
  const tar = pack();
  for (const { name, mode, content } of files) tar.entry({ name, mode, mtime: new Date(0), size: content.length }, content);
  tar.finalize();
  // tar-stream's own Readable is not Node's, and the engine's client pipes Node's.
  return tar as unknown as Readable;
}
