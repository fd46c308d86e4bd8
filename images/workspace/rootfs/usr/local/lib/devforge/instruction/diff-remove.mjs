import { createReadStream } from 'node:fs';
import { unknownInstruction, UsageError } from './command-line.mjs';
import { Folder } from './folder.mjs';
import { Output } from './output.mjs';
import { RunnerSocket } from './runner-socket.mjs';

/** @typedef {import('./command-line.mjs').Settings} Settings */

/** Prints what the run changed in the repository; nothing while it has no outcome. @param {Settings} settings */
export async function diff(settings) {
  const folder = new Folder(settings);
  if (!folder.has('request.json') && !folder.has('outcome.json')) throw unknownInstruction(settings.id);
  if (!folder.has('outcome.json') || !folder.has('diff.patch')) return;
  const output = new Output(1);
  for await (const chunk of createReadStream(folder.file('diff.patch'))) await output.write(chunk);
}

/** Removes the files of an instruction that is not running, and does nothing if there are none. @param {Settings} settings */
export async function remove(settings) {
  const folder = new Folder(settings);
  const socket = await RunnerSocket.acquire(folder.address);
  if (!socket) throw new UsageError('the instruction is running', 1);
  try {
    if (folder.has('request.json') && !folder.has('outcome.json'))
      throw new UsageError('the instruction has no outcome yet', 1);
    folder.removeAll();
  } finally {
    socket.release();
  }
}
