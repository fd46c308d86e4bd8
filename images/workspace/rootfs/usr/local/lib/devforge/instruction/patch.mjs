import { createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const LIMIT = 20 * 1024 * 1024;
const HEADER = Buffer.from('\ndiff --git ');

/**
 * Writes what `git diff` prints, up to 20 MiB; a longer patch ends before the file in which the limit falls.
 * @param {import('node:child_process').ChildProcess} git
 * @returns {Promise<{ bytes: number, truncated: boolean }>}
 */
export async function writePatch(git, file) {
  const ended = new Promise((done, failed) => git.once('error', failed).once('close', done));
  ended.catch(() => undefined);
  let bytes = 0;
  let lastFile = 0;
  let truncated = false;
  let seam = Buffer.alloc(0);
  await pipeline(
    git.stdout,
    async function* cut(chunks) {
      for await (const chunk of chunks) {
        const window = Buffer.concat([seam, chunk]);
        const base = bytes - seam.length;
        for (let at = window.indexOf(HEADER); at >= 0 && base + at < LIMIT; at = window.indexOf(HEADER, at + 1))
          lastFile = base + at + 1;
        seam = window.subarray(-HEADER.length + 1);
        bytes += chunk.length;
        yield chunk;
        if (bytes > LIMIT) {
          truncated = true;
          return;
        }
      }
    },
    createWriteStream(file, { mode: 0o600 }),
  );
  if (!truncated) {
    const code = await ended;
    if (code !== 0) throw new Error(`git diff-tree ended with ${code}`);
    return { bytes, truncated };
  }
  git.kill('SIGKILL');
  await truncate(file, lastFile);
  return { bytes: lastFile, truncated };
}
