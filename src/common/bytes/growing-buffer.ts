const MIN_CAPACITY = 1_024;

/** Collects bytes by copying them, so that many small pieces take little more memory than their bytes. */
export class GrowingBuffer {
  private bytes: Buffer = Buffer.alloc(0);
  private used = 0;

  get length(): number {
    return this.used;
  }

  append(piece: Buffer): void {
    const length = this.used + piece.length;
    if (length > this.bytes.length) this.grow(Math.max(length, 2 * this.bytes.length, MIN_CAPACITY));
    piece.copy(this.bytes, this.used);
    this.used = length;
  }

  /** @param text in Latin-1 @returns where it begins, at `from` or later; -1 when it was not collected */
  indexOf(text: string, from: number): number {
    return this.bytes.subarray(0, this.used).indexOf(text, from, 'latin1');
  }

  /** Returns everything that was collected, and begins anew. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.used);
    this.bytes = Buffer.alloc(0);
    this.used = 0;
    return taken;
  }

  private grow(capacity: number): void {
    const grown = Buffer.allocUnsafe(capacity);
    this.bytes.copy(grown, 0, 0, this.used);
    this.bytes = grown;
  }
}
