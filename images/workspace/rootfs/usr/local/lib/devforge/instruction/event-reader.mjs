import { open } from 'node:fs/promises';

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;
const LABEL = Buffer.from('E ');

/** Reads the whole lines of an events file from an offset on, each once, while the file grows. */
export class EventReader {
  #file = null;
  #rest = Buffer.alloc(0);

  constructor(path, offset) {
    this.path = path;
    this.at = offset;
  }

  /** Writes what has come since, a label before each line. */
  async copyTo(output) {
    this.#file ??= await open(this.path).catch(() => null);
    if (!this.#file) return;
    for (;;) {
      const { bytesRead, buffer } = await this.#file.read(
        Buffer.allocUnsafe(CHUNK),
        0,
        CHUNK,
        this.at + this.#rest.length,
      );
      if (bytesRead === 0) return;
      const text = Buffer.concat([this.#rest, buffer.subarray(0, bytesRead)]);
      const end = text.lastIndexOf(NEWLINE) + 1;
      this.#rest = text.subarray(end);
      this.at += end;
      if (end > 0) await output.write(labelled(text.subarray(0, end)));
    }
  }
}

function labelled(lines) {
  const parts = [];
  for (let from = 0, end; from < lines.length; from = end) {
    end = lines.indexOf(NEWLINE, from) + 1;
    parts.push(LABEL, lines.subarray(from, end));
  }
  return Buffer.concat(parts);
}
