import { open } from 'node:fs/promises';
import { UsageError, unknownInstruction } from './command-line.mjs';
import { ask } from './control.mjs';
import { Folder } from './folder.mjs';
import { Output } from './output.mjs';

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

/** Prints the events from an offset on as they come, then the outcome, or that the run was interrupted. */
export async function follow(settings) {
  const folder = new Folder(settings);
  const offset = Number(settings.rest[0] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0) throw new UsageError('OFFSET must be a number of bytes');
  if (!folder.has('request.json') && !folder.has('outcome.json')) throw unknownInstruction(settings.id);
  leaveWithCaller();

  const output = new Output(1);
  const events = new Events(folder.events, offset);
  for (;;) {
    const news = await listen(folder.address);
    for (;;) {
      // In this order: what the outcome ends is in the file before it.
      const outcome = folder.read('outcome.json');
      await events.copyTo(output);
      if (outcome) return leave(output, `O ${JSON.stringify(outcome)}\n`);
      if (!news) return leave(output, 'I\n');
      if (!(await news.next())) break;
    }
  }
}

/** Whoever reads this may go away without a word; then its input ends. */
function leaveWithCaller() {
  // Not a file stream: the thread that waits in its read would keep the process from ending.
  process.stdin.on('end', () => process.exit()).on('error', () => process.exit());
  process.stdin.resume();
}

async function leave(output, lastLine) {
  await output.write(Buffer.from(lastLine));
  process.exit();
}

/** The living runner's word of new events; `null` when there is no runner. */
async function listen(address) {
  let wake = () => undefined;
  let fresh = false;
  let open = true;
  const living = await ask(address, { command: 'follow' }, (socket) => {
    socket.on('data', () => {
      fresh = true;
      wake();
    });
    socket.on('close', () => {
      open = false;
      wake();
    });
  });
  if (!living) return null;
  return {
    /** Resolves with true when there may be new events, with false when the runner has gone. */
    async next() {
      if (!fresh && open) await new Promise((resolve) => { wake = resolve; });
      const more = fresh;
      fresh = false;
      return more || open;
    },
  };
}

/** The whole lines of the events file that have not been read yet. */
class Events {
  #file = null;
  #rest = Buffer.alloc(0);

  constructor(path, offset) {
    this.path = path;
    this.at = offset;
  }

  async copyTo(output) {
    this.#file ??= await open(this.path).catch(() => null);
    if (!this.#file) return;
    for (;;) {
      const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, this.at + this.#rest.length);
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

const LABEL = Buffer.from('E ');
