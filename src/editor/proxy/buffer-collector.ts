import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const COLLECT_AFTER_BYTES = 8 * 1024 * 1024;

/**
 * Collects the garbage of relayed buffers early. V8 counts the memory of buffers apart from its heap and lets about 64 MB
 * accumulate; a collection of young objects after every 8 MB, which takes about a millisecond, avoids that.
 */
export class BufferCollector {
  private collect: ReturnType<typeof collector> | undefined;
  private bytes = 0;

  readonly onBytes = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    if (this.bytes < COLLECT_AFTER_BYTES) return;
    this.bytes = 0;
    this.collect ??= collector();
    this.collect({ type: 'minor' });
  };
}

/** V8's `gc` function, which exists only in contexts that are created while the flag is set. */
function collector(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
