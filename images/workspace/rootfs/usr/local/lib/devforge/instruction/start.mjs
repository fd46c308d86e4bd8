import { closeSync, openSync } from 'node:fs';
import { CliProcess } from './cli-process.mjs';
import { printAnswer, readInput, unknownInstruction } from './command-line.mjs';
import { Folder } from './folder.mjs';
import { Progress } from './progress.mjs';
import { parseRequest } from './request.mjs';
import { RunnerSocket, sendCommand } from './runner-socket.mjs';

/**
 * @typedef {import('./command-line.mjs').Settings} Settings
 * @typedef {import('./runner.mjs').RunnerDependencies & { cli?: CliProcess }} Launch
 */

/** Starts an instruction that has never been started. @param {Settings} settings */
export function start(settings) {
  const request = parseRequest(readInput());
  return launchUnlessRunning(settings, (folder, socket) => {
    if (folder.has('request.json')) return 'interrupted';
    folder.make();
    folder.write('request.json', request);
    const progress = new Progress(folder);
    const cli = CliProcess.begin({ settings, folder, request, progress, offset: 0, previousSession: null });
    return { folder, socket, settings, request, progress, cli };
  });
}

/** Continues an instruction whose runner was interrupted. @param {Settings} settings */
export function resume(settings) {
  return launchUnlessRunning(settings, (folder, socket) => {
    const request = folder.read('request.json');
    if (!request) throw unknownInstruction(settings.id);
    return { folder, socket, settings, request, progress: new Progress(folder) };
  });
}

/**
 * Of several processes that try at once, the one that gets the socket becomes the runner; the others report its state.
 * @param {Settings} settings
 * @param {(folder: Folder, socket: RunnerSocket) => string | Launch} prepare returns what the runner needs, or the state
 *   because of which there is nothing to run
 */
async function launchUnlessRunning(settings, prepare) {
  const folder = new Folder(settings);
  for (;;) {
    const socket = await RunnerSocket.acquire(folder.address);
    if (socket) return run(folder, socket, settings.rest, prepare);
    const reply = await sendCommand(folder.address, { command: 'state' });
    if (reply) return printAnswer(reply);
    await new Promise((done) => setTimeout(done, 2));
  }
}

/**
 * @param {Folder} folder
 * @param {RunnerSocket} socket
 * @param {string[]} words `follow` and the offset to follow from, or nothing
 * @param {(folder: Folder, socket: RunnerSocket) => string | Launch} prepare
 */
async function run(folder, socket, [word, offset], prepare) {
  const prepared = folder.has('outcome.json') ? 'ended' : prepare(folder, socket);
  if (typeof prepared === 'string') {
    socket.release();
    return printAnswer({ state: prepared });
  }
  const { cli, ...parts } = prepared;
  const { Runner } = await import('./runner.mjs');
  const runner = new Runner(parts);
  runner.launch(cli);
  printAnswer({ state: 'started' });
  detach(folder, word === 'follow');
  await runner.finish(word === 'follow' ? await subscribe(folder, offset) : undefined);
  process.exit();
}

/** @param {Folder} folder @param {string | undefined} offset in bytes */
async function subscribe(folder, offset) {
  const { Subscriber } = await import('./subscriber.mjs');
  return new Subscriber(folder, Number(offset ?? 0));
}

/** Closes the caller's input and output, whose end it waits for. @param {Folder} folder @param {boolean} keepOutput */
function detach(folder, keepOutput) {
  reopen(0, '/dev/null', 'r');
  if (!keepOutput) reopen(1, '/dev/null', 'w');
  reopen(2, folder.file('runner.log'), 'a');
}

/** @param {number} descriptor @param {string} file @param {string} mode */
function reopen(descriptor, file, mode) {
  closeSync(descriptor);
  if (openSync(file, mode) !== descriptor) throw new Error(`${file} was not opened as descriptor ${descriptor}`);
}
