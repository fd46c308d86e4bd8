const HEAD_END = Buffer.from('</head>');
const MAX_PAGE_BYTES = 1024 * 1024;

/** A page that is changed before it is sent. One that is too large for that is sent as it is. */
export class PageBuffer {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  /** @returns whether the page is not too large */
  add(chunk: Buffer): boolean {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    return this.bytes <= MAX_PAGE_BYTES;
  }

  take(): Buffer {
    return Buffer.concat(this.chunks.splice(0));
  }
}

/** @returns the page with the text at the end of its head, or unchanged when it has none */
export function insertIntoHead(page: Buffer, text: string): Buffer {
  const at = page.indexOf(HEAD_END);
  return at < 0 ? page : Buffer.concat([page.subarray(0, at), Buffer.from(text), page.subarray(at)]);
}
