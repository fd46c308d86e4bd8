import { finished } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { pack } from 'tar-stream';

/** An image that DevForge did not make, built on the spot from the lines of a Dockerfile and files beside it. */
export async function foreignImage(
  docker: Docker,
  tag: string,
  dockerfile: string[],
  files: Record<string, string> = {},
): Promise<string> {
  const tar = pack();
  for (const [name, content] of Object.entries({ ...files, Dockerfile: dockerfile.join('\n') }))
    tar.entry({ name, mtime: new Date(0), mode: 0o755 }, content);
  tar.finalize();
  const stream = (await docker.buildImage(tar as unknown as NodeJS.ReadableStream, { t: tag })) as Readable;
  let output = '';
  stream.on('data', (chunk) => (output += String(chunk)));
  await finished(stream);
  if (output.includes('"error"')) throw new Error(output.slice(-1_000));
  return tag;
}
