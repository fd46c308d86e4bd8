import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_BYTES = 8 * 1024 * 1024;

/**
 * Gives back what relayed bytes took. V8 counts what buffers hold apart from its heap, and lets some 64 MB of it gather
 * before it looks; a collection of young objects, about a millisecond for every 8 MB, keeps that from happening.
 */
export class RelayMemory {
  private collect: ReturnType<typeof collector> | undefined;
  private bytes = 0;

  readonly relayed = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    if (this.bytes < EVERY_BYTES) return;
    this.bytes = 0;
    this.collect ??= collector();
    this.collect({ type: 'minor' });
  };
}

/** V8's own, which Node.js shows only in contexts that are made with the flag. */
function collector(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
