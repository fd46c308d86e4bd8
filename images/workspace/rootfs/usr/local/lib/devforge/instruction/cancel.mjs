import { setTimeout as sleep } from 'node:timers/promises';
import { printAnswer } from './command-line.mjs';
import { Folder } from './folder.mjs';
import { cancelledBeforeStart } from './outcome.mjs';
import { Progress } from './progress.mjs';
import { RunnerSocket, sendCommand } from './runner-socket.mjs';
import { Runner } from './runner.mjs';

/** @typedef {import('./command-line.mjs').Settings} Settings */

/** Ends the run, or prevents it from ever being started. @param {Settings} settings */
export async function cancel(settings) {
  const folder = new Folder(settings);
  for (;;) {
    const socket = await RunnerSocket.acquire(folder.address);
    if (socket) return cancelWithoutRunner(folder, socket, settings);
    const reply = await sendCommand(folder.address, { command: 'cancel' });
    if (reply) return printAnswer(reply);
    await sleep(2);
  }
}

/** @param {Folder} folder @param {RunnerSocket} socket @param {Settings} settings */
async function cancelWithoutRunner(folder, socket, settings) {
  try {
    if (folder.has('outcome.json')) return printAnswer({ state: 'ended' });
    if (folder.has('request.json')) {
      const progress = new Progress(folder);
      progress.stop('cancelled');
      const runner = new Runner({ folder, socket, settings, request: folder.read('request.json'), progress });
      runner.launch();
      await runner.finish();
    } else {
      folder.make();
      folder.write('outcome.json', cancelledBeforeStart());
    }
    printAnswer({ state: 'cancelled' });
  } finally {
    socket.release();
  }
}
