import { printAnswer, readInput, UsageError } from './command-line.mjs';
import { ask } from './control.mjs';
import { Folder } from './folder.mjs';

/** Answers a permission that the run waits for. */
export async function answer(settings) {
  const [requestId] = settings.rest;
  const { decision, message } = readInput() ?? {};
  if (!requestId) throw new UsageError('which request?');
  if (!['allow', 'deny'].includes(decision)) throw new UsageError('the decision must be allow or deny');
  const folder = new Folder(settings);
  const said = await ask(folder.address, { command: 'answer', requestId, answer: { decision, message } });
  printAnswer(said ?? { state: folder.has('outcome.json') ? 'ended' : 'unknown' });
}
