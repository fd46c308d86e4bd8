/**
 * An expected failure, printed without a stack: what is wrong, and what to run.
 * @example throw new Failure('Port 3000 is in use.', ['npm run quickstart -- --port 3001'])
 */
export class Failure extends Error {
  /**
   * @param {string} message what is wrong, in a sentence
   * @param {string[]} hints commands or advice, one a line
   * @param {string[]} details last lines of a log, printed above the hints
   */
  constructor(message, hints = [], details = []) {
    super(message);
    this.name = 'Failure';
    this.hints = hints;
    this.details = details;
  }
}

/** Prints a failure with its hints; any other error with its stack. */
export function printFailure(error, stream = process.stderr) {
  if (!(error instanceof Failure)) {
    stream.write(`\n${error?.stack ?? error}\n`);
    return;
  }
  stream.write(`\n${error.message}\n`);
  for (const line of error.details) stream.write(`  | ${line}\n`);
  if (error.hints.length > 0) stream.write(`\nWhat to do:\n${error.hints.map((hint) => `  ${hint}`).join('\n')}\n`);
}
