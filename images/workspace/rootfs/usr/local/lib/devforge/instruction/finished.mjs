import { createReadStream } from 'node:fs';
import { unknownInstruction, UsageError } from './command-line.mjs';
import { Claim } from './control.mjs';
import { Folder } from './folder.mjs';
import { Output } from './output.mjs';

/** Prints what the run changed in the repository; nothing while it is not over. */
export async function diff(settings) {
  const folder = new Folder(settings);
  if (!folder.has('request.json') && !folder.has('outcome.json')) throw unknownInstruction(settings.id);
  if (!folder.has('outcome.json') || !folder.has('diff.patch')) return;
  const output = new Output(1);
  for await (const chunk of createReadStream(folder.file('diff.patch'))) await output.write(chunk);
}

/** Removes the files of one that is over; of one that was never there, there are none. */
export async function remove(settings) {
  const folder = new Folder(settings);
  const claim = await Claim.make(folder.address);
  if (!claim) throw new UsageError('the instruction is running', 1);
  try {
    if (folder.has('request.json') && !folder.has('outcome.json'))
      throw new UsageError('the instruction is not over', 1);
    folder.removeAll();
  } finally {
    claim.release();
  }
}
