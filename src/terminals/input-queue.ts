/** Input that the program has not read; when there is as much, further messages are refused. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** Input that was sent and is not acknowledged. The PTY host acknowledges in steps of 64 KiB. */
const WINDOW_BYTES = 256 * 1024;
/** Input of one frame. */
const PIECE_BYTES = 32 * 1024;

interface Input {
  rest: Buffer;
  onSent: (isSent: boolean) => void;
}

/** The input of a terminal in order, sent in pieces as fast as the program reads it. */
export class InputQueue {
  private readonly inputs: Input[] = [];
  private queuedBytes = 0;
  private unacknowledgedBytes = 0;
  private isClosed = false;

  /** @param unsent bytes that have not left this process: the PTY host may acknowledge what it has not read */
  constructor(
    private readonly send: (piece: Buffer) => void,
    private readonly unsent: () => number,
  ) {}

  /** @returns whether all of it was sent before the queue was closed; undefined when too much is unread to take it */
  add(bytes: Buffer): Promise<boolean> | undefined {
    if (this.isClosed) return Promise.resolve(false);
    if (this.queuedBytes + this.unreadBytes >= MAX_UNREAD_BYTES) return undefined;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.inputs.push({ rest: bytes, onSent: resolve });
    this.queuedBytes += bytes.length;
    this.flush();
    return promise;
  }

  /** @param bytes that the program has read; comes from inside the container */
  acknowledge(bytes: unknown): void {
    const count = Number.isInteger(bytes) ? (bytes as number) : 0;
    this.unacknowledgedBytes = Math.max(0, this.unacknowledgedBytes - Math.max(0, count));
    this.flush();
  }

  /** Drops what has not been sent. */
  close(): void {
    this.isClosed = true;
    this.queuedBytes = 0;
    for (const { onSent } of this.inputs.splice(0)) onSent(false);
  }

  private get unreadBytes(): number {
    return Math.max(this.unacknowledgedBytes, this.unsent());
  }

  private flush(): void {
    for (let input = this.inputs[0]; input !== undefined; input = this.inputs[0]) {
      while (input.rest.length > 0) {
        const piece = input.rest.subarray(0, PIECE_BYTES);
        if (this.unreadBytes + piece.length > WINDOW_BYTES) return;
        input.rest = input.rest.subarray(piece.length);
        this.queuedBytes -= piece.length;
        this.unacknowledgedBytes += piece.length;
        this.send(piece);
      }
      this.inputs.shift();
      input.onSent(true);
    }
  }
}
