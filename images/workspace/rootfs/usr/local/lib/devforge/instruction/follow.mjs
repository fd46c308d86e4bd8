import { UsageError, unknownInstruction } from './command-line.mjs';
import { ask } from './control.mjs';
import { EventReader } from './event-reader.mjs';
import { Folder } from './folder.mjs';
import { Output } from './output.mjs';

/** Prints the events from an offset on as they come, then the outcome, or that the run was interrupted. */
export async function follow(settings) {
  const folder = new Folder(settings);
  const offset = Number(settings.rest[0] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0) throw new UsageError('OFFSET must be a number of bytes');
  if (!folder.has('request.json') && !folder.has('outcome.json')) throw unknownInstruction(settings.id);
  leaveWithCaller();

  const output = new Output(1);
  const events = new EventReader(folder.events, offset);
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
      if (!fresh && open)
        await new Promise((resolve) => {
          wake = resolve;
        });
      const more = fresh;
      fresh = false;
      return more || open;
    },
  };
}
