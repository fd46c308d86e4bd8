/** The frame of every command: the Node version, signals, failures said in words, and the exit code. */
import { Failure, printFailure } from './failure.mjs';
import { handleSignals, isStopping, undoAll } from './shutdown.mjs';

const OLDEST_NODE = 18;

/**
 * @param {() => Promise<number | void>} command answers the exit code
 * @param {{ onFailure?: () => void, signalExitCode?: () => number | undefined }} options
 */
export async function runCommand(command, { onFailure, signalExitCode } = {}) {
  handleSignals({ exitCode: signalExitCode });
  let code = 0;
  try {
    if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
      throw new Failure(`Node ${process.versions.node} is too old.`, [`install Node ${OLDEST_NODE} or newer`]);
    }
    code = (await command()) ?? 0;
  } catch (error) {
    if (isStopping()) return;
    code = 1;
    printFailure(error);
    await undoAll();
    onFailure?.();
  }
  if (isStopping()) return;
  await undoAll();
  process.exit(code);
}
