import { UsageError, unknownInstruction } from './command-line.mjs';
import { EventReader } from './event-reader.mjs';
import { Folder } from './folder.mjs';
import { Output } from './output.mjs';
import { sendCommand } from './runner-socket.mjs';

/**
 * Prints the events from an offset on as they are appended, then the outcome, or that the run was interrupted.
 * @param {import('./command-line.mjs').Settings} settings
 */
export async function follow(settings) {
  const folder = new Folder(settings);
  const offset = Number(settings.rest[0] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0) throw new UsageError('OFFSET must be a number of bytes');
  if (!folder.has('request.json') && !folder.has('outcome.json')) throw unknownInstruction(settings.id);
  exitWithCaller();

  const output = new Output(1);
  const events = new EventReader(folder.events, offset);
  for (;;) {
    const notifications = await subscribe(folder.address);
    for (;;) {
      // The outcome is read first: whatever precedes it is in the events file by then.
      const outcome = folder.read('outcome.json');
      await events.copyTo(output);
      if (outcome) return end(output, `O ${JSON.stringify(outcome)}\n`);
      if (!notifications) return end(output, 'I\n');
      if (!(await notifications.next())) break;
    }
  }
}

/** A caller that disconnects is noticed by the end of the input. */
function exitWithCaller() {
  // Not a file stream: its blocking read in a thread would keep the process from ending.
  process.stdin.on('end', () => process.exit()).on('error', () => process.exit());
  process.stdin.resume();
}

/** @param {Output} output @param {string} lastLine */
async function end(output, lastLine) {
  await output.write(Buffer.from(lastLine));
  process.exit();
}

/** Subscribes to the runner's notifications of new events. Returns `null` when there is no runner. @param {string} address */
async function subscribe(address) {
  let wake = () => {};
  let isNotified = false;
  let isOpen = true;
  const reply = await sendCommand(address, { command: 'follow' }, (socket) => {
    socket.on('data', () => {
      isNotified = true;
      wake();
    });
    socket.on('close', () => {
      isOpen = false;
      wake();
    });
  });
  if (!reply) return null;
  return {
    /** Resolves with true when there may be new events, with false when the runner has ended. */
    async next() {
      if (!isNotified && isOpen) await /** @type {Promise<void>} */ (new Promise((resolve) => (wake = resolve)));
      const wasNotified = isNotified;
      isNotified = false;
      return wasNotified || isOpen;
    },
  };
}
