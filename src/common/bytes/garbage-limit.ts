import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const COLLECT_AFTER_BYTES = 8 * 1024 * 1024;

/**
 * Collects the garbage that relayed data leaves behind early. V8 counts the memory of buffers apart from its heap and lets
 * about 64 MB accumulate, and as much of strings as its young generation holds. A collection of young objects, which takes
 * about a millisecond, avoids that.
 */
export class GarbageLimit {
  private collect: ReturnType<typeof collector> | undefined;
  private relayed = 0;

  /** @param collectAfter how much may be relayed between two collections: bytes, or characters of text */
  constructor(private readonly collectAfter = COLLECT_AFTER_BYTES) {}

  /** Must be called with everything that is relayed. */
  readonly count = ({ length }: Buffer | string): void => {
    this.relayed += length;
    if (this.relayed < this.collectAfter) return;
    this.relayed = 0;
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
