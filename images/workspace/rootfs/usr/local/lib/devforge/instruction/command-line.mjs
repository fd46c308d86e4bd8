import { readFileSync, writeSync } from 'node:fs';

const STATE = '/var/lib/devforge/instructions';
/** Claude Code itself; `claude` in the path is devforge-claude, which serves terminals. */
const CLAUDE = '/usr/local/lib/devforge/agent/claude';
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * @typedef {object} Settings
 * @property {string} state directory of all instructions
 * @property {string} claude path of the CLI
 * @property {string} command
 * @property {string} id of the instruction
 * @property {string[]} rest the command's further arguments
 */

/** The arguments or the input are not valid. Only the message is printed, without a stack. */
export class UsageError extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param {string} id */
export const unknownInstruction = (id) => new UsageError(`no instruction ${id}`, 3);

/** @param {string[]} argv @param {string[]} commands @returns {Settings} @throws UsageError */
export function parseCommand(argv, commands) {
  const options = { state: STATE, claude: CLAUDE };
  const words = argv.filter((word) => {
    const [, option, value = ''] = /^--(state|claude)=(.+)$/.exec(word) ?? [];
    if (option === 'state' || option === 'claude') options[option] = value;
    return !option;
  });
  const [command = '', id = '', ...rest] = words;
  if (!commands.includes(command)) throw new UsageError(`usage: devforge-instruction ${commands.join('|')} ID`);
  if (!ID.test(id)) throw new UsageError('ID must be a UUID in lower case');
  return { ...options, command, id, rest };
}

/** Reads standard input as JSON. @throws UsageError */
export function readInput() {
  try {
    return JSON.parse(readFileSync(0, 'utf8'));
  } catch (error) {
    throw new UsageError(`standard input is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Writes synchronously and not through process.stdout, so that the descriptor can be closed afterwards. @param {object} answer */
export function printAnswer(answer) {
  writeSync(1, `${JSON.stringify(answer)}\n`);
}
