/** Runs a command: checks the Node version, handles signals, prints failures and sets the exit code. */
import { Failure, printFailure } from './failure.mjs';
import { handleSignals, isStopping, undoAll } from './shutdown.mjs';

const MIN_NODE = 18;

/**
 * @param {() => Promise<number | void>} command resolves with the exit code
 * @param {{ onFailure?: () => void, signalExitCode?: () => number | undefined }} options
 */
export async function runCommand(command, { onFailure, signalExitCode } = {}) {
  handleSignals({ exitCode: signalExitCode });
  let code = 0;
  try {
    if (Number(process.versions.node.split('.')[0]) < MIN_NODE) {
      throw new Failure(`Node ${process.versions.node} is too old.`, [`install Node ${MIN_NODE} or newer`]);
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
