import { setTimeout as sleep } from 'node:timers/promises';
import { printAnswer } from './command-line.mjs';
import { ask, Claim } from './control.mjs';
import { Folder } from './folder.mjs';
import { neverRun } from './outcome.mjs';
import { Progress } from './progress.mjs';
import { Runner } from './runner.mjs';

/** Ends the run, or sees to it that it never begins. */
export async function cancel(settings) {
  const folder = new Folder(settings);
  for (;;) {
    const claim = await Claim.make(folder.address);
    if (claim) return settle(folder, claim, settings);
    const living = await ask(folder.address, { command: 'cancel' });
    if (living) return printAnswer(living);
    await sleep(2);
  }
}

async function settle(folder, claim, settings) {
  try {
    if (folder.has('outcome.json')) return printAnswer({ state: 'ended' });
    if (folder.has('request.json')) {
      const progress = new Progress(folder);
      progress.stop('cancelled');
      const runner = new Runner({ folder, claim, settings, request: folder.read('request.json'), progress });
      runner.launch();
      await runner.finish();
    } else {
      folder.make();
      folder.write('outcome.json', neverRun());
    }
    printAnswer({ state: 'cancelled' });
  } finally {
    claim.release();
  }
}
