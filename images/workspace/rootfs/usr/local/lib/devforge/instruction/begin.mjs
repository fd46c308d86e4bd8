import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { printAnswer, readInput, unknownInstruction } from './command-line.mjs';
import { ask, Claim } from './control.mjs';
import { Folder } from './folder.mjs';
import { parseRequest } from './request.mjs';
import { Runner } from './runner.mjs';

/** Begins what was never begun. */
export function start(settings) {
  const request = parseRequest(readInput());
  return begin(settings, (folder) => {
    if (folder.has('request.json')) return 'interrupted';
    folder.make();
    folder.write('request.json', request);
    return 'started';
  });
}

/** Goes on with what was begun and cut off. */
export function resume(settings) {
  return begin(settings, (folder) => {
    if (!folder.has('request.json')) throw unknownInstruction(settings.id);
    return 'started';
  });
}

/**
 * Of all who try at once, one gets the address and runs; the others learn that it runs.
 * @param {(folder: Folder) => string} decide what the one with the address does
 */
async function begin(settings, decide) {
  const folder = new Folder(settings);
  for (;;) {
    const claim = await Claim.make(folder.address);
    if (claim) return run(folder, claim, settings, decide);
    const living = await ask(folder.address, { command: 'state' });
    if (living) return printAnswer(living);
    await sleep(2);
  }
}

async function run(folder, claim, settings, decide) {
  let state;
  try {
    state = folder.has('outcome.json') ? 'ended' : decide(folder);
  } finally {
    if (state !== 'started') claim.release();
  }
  if (state !== 'started') return printAnswer({ state });
  const runner = new Runner(folder, claim, settings);
  runner.launch();
  printAnswer({ state });
  const [word, offset] = settings.rest;
  detach(folder, word === 'follow');
  await runner.finish(word === 'follow' ? await audience(folder, offset) : undefined);
  process.exit();
}

async function audience(folder, offset) {
  const { Audience } = await import('./audience.mjs');
  return new Audience(folder, Number(offset ?? 0));
}

/** Lets go of the caller's input and output, which it waits to see closed. */
function detach(folder, keepOutput) {
  reopen(0, '/dev/null', 'r');
  if (!keepOutput) reopen(1, '/dev/null', 'w');
  reopen(2, folder.file('runner.log'), 'a');
}

function reopen(descriptor, file, mode) {
  closeSync(descriptor);
  if (openSync(file, mode) !== descriptor) throw new Error('the lowest free descriptor is another');
}
