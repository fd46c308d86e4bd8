import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { Engine } from '../api/engine.js';

/** What the servers under test take by default. */
export const GOOD_BASE = process.env['BASE_IMAGE'] ?? 'debian:bookworm-slim';
/** Nobody listens there: the pull fails at once, with or without a network. */
export const MISSING_BASE = '127.0.0.1:1/devforge-test/missing:latest';
/** A base image with nothing in it, so that every build on it breaks at its first command. */
export const BROKEN_BASE = 'devforge-test-broken:latest';

export async function makeBrokenBase({ docker }: Engine): Promise<void> {
  const tar = pack();
  tar.finalize();
  const answer = (await docker.importImage(tar as unknown as NodeJS.ReadableStream, {
    repo: 'devforge-test-broken',
    tag: 'latest',
  })) as Readable;
  await text(answer);
}

/** Takes it away with what builds on it left behind. */
export async function removeBrokenBase({ docker }: Engine): Promise<void> {
  const base = await docker
    .getImage(BROKEN_BASE)
    .inspect()
    .catch(() => undefined);
  if (base === undefined) return;
  const all = await docker.listImages({ all: true });
  const onTop = (id: string): string[] =>
    all.filter(({ ParentId }) => ParentId === id).flatMap(({ Id }) => [...onTop(Id), Id]);
  for (const id of [...onTop(base.Id), base.Id])
    await docker
      .getImage(id)
      .remove({ force: true })
      .catch(() => undefined);
}
