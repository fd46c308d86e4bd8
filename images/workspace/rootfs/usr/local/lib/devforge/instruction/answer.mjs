import { printAnswer, readInput, UsageError } from './command-line.mjs';
import { Folder } from './folder.mjs';
import { sendCommand } from './runner-socket.mjs';

/** Answers a permission request that the run waits for. @param {import('./command-line.mjs').Settings} settings */
export async function answer(settings) {
  const [requestId] = settings.rest;
  const { decision, message } = readInput() ?? {};
  if (!requestId) throw new UsageError('REQUEST-ID is missing');
  if (!['allow', 'deny'].includes(decision)) throw new UsageError('the decision must be allow or deny');
  const folder = new Folder(settings);
  const reply = await sendCommand(folder.address, { command: 'answer', requestId, answer: { decision, message } });
  printAnswer(reply ?? { state: folder.has('outcome.json') ? 'ended' : 'unknown' });
}
