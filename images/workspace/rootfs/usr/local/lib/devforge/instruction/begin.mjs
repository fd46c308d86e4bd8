import { closeSync, openSync } from 'node:fs';
import { CliProcess } from './cli-process.mjs';
import { printAnswer, readInput, unknownInstruction } from './command-line.mjs';
import { ask, Claim } from './control.mjs';
import { Folder } from './folder.mjs';
import { Progress } from './progress.mjs';
import { parseRequest } from './request.mjs';

/** Begins what was never begun. */
export function start(settings) {
  const request = parseRequest(readInput());
  return begin(settings, (folder, claim) => {
    if (folder.has('request.json')) return 'interrupted';
    folder.make();
    folder.write('request.json', request);
    const progress = new Progress(folder);
    const cli = CliProcess.begin({ settings, folder, request, progress, offset: 0, seenSession: null });
    return { folder, claim, settings, request, progress, cli };
  });
}

/** Goes on with what was begun and cut off. */
export function resume(settings) {
  return begin(settings, (folder, claim) => {
    const request = folder.read('request.json');
    if (!request) throw unknownInstruction(settings.id);
    return { folder, claim, settings, request, progress: new Progress(folder) };
  });
}

/**
 * Of all who try at once, one gets the address and runs; the others learn that it runs.
 * @param {(folder: Folder, claim: Claim) => string | object} decide what the one with the address does: the state that
 *   speaks against a run, or what the runner needs
 */
async function begin(settings, decide) {
  const folder = new Folder(settings);
  for (;;) {
    const claim = await Claim.make(folder.address);
    if (claim) return run(folder, claim, settings.rest, decide);
    const living = await ask(folder.address, { command: 'state' });
    if (living) return printAnswer(living);
    await new Promise((done) => setTimeout(done, 2));
  }
}

async function run(folder, claim, [word, offset], decide) {
  const decided = folder.has('outcome.json') ? 'ended' : decide(folder, claim);
  if (typeof decided === 'string') {
    claim.release();
    return printAnswer({ state: decided });
  }
  const { cli, ...parts } = decided;
  const { Runner } = await import('./runner.mjs');
  const runner = new Runner(parts);
  runner.launch(cli);
  printAnswer({ state: 'started' });
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
