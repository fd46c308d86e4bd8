import { createWriteStream } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

const MAX_PATCH_BYTES = 20 * 1024 * 1024;
const FILE_HEADER = Buffer.from('\ndiff --git ');

/**
 * Writes the output of `git diff` to a file, up to 20 MiB. A longer patch ends before the file that exceeds the limit.
 * @param {import('node:child_process').ChildProcessByStdio<import('node:stream').Writable, import('node:stream').Readable, null>} git
 * @param {string} file
 * @returns {Promise<{ bytes: number, truncated: boolean }>}
 */
export async function writePatch(git, file) {
  const ended = new Promise((done, failed) => git.once('error', failed).once('close', done));
  ended.catch(() => undefined);
  let bytes = 0;
  let lastFile = 0;
  let truncated = false;
  /** The end of the previous chunk, in which a header may begin. */
  let overlap = Buffer.alloc(0);
  await pipeline(
    git.stdout,
    async function* limit(/** @type {AsyncIterable<Buffer>} */ chunks) {
      for await (const chunk of chunks) {
        const window = Buffer.concat([overlap, chunk]);
        const base = bytes - overlap.length;
        for (
          let at = window.indexOf(FILE_HEADER);
          at >= 0 && base + at < MAX_PATCH_BYTES;
          at = window.indexOf(FILE_HEADER, at + 1)
        )
          lastFile = base + at + 1;
        overlap = window.subarray(-FILE_HEADER.length + 1);
        bytes += chunk.length;
        yield chunk;
        if (bytes > MAX_PATCH_BYTES) {
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
