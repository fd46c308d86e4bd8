import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { DriverError } from '../../driver-error.js';
import type { ArchivedFile } from './engine-client.js';

const NOTHING = Buffer.alloc(0);

/**
 * The first entry of a tar stream, which is not read further.
 * @returns null for an empty archive
 * @throws DriverError `output_limit` for a file that is larger than `maxBytes`
 */
export async function firstEntry(tar: Readable, maxBytes: number): Promise<ArchivedFile | null> {
  const entries = extract();
  tar.on('error', (error: Error) => entries.destroy(error));
  tar.pipe(entries as unknown as NodeJS.WritableStream);
  try {
    for await (const entry of entries) {
      const { type, name, size, linkname } = entry.header;
      if (type === 'symlink') return { kind: 'link', content: NOTHING, target: linkname ?? '' };
      if (type !== 'file') return { kind: 'other', content: NOTHING, target: null };
      if ((size ?? 0) > maxBytes) throw new DriverError('output_limit', `read ${name}: it has ${size} bytes`);
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      return { kind: 'file', content: Buffer.concat(chunks), target: null };
    }
    return null;
  } finally {
    tar.destroy();
  }
}
