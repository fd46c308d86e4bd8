import { readFileSync, writeSync } from 'node:fs';

const STATE = '/var/lib/devforge/instructions';
const CLAUDE = '/usr/local/bin/claude';
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Something the caller gave is wrong; its message is all there is to say. */
export class UsageError extends Error {
  constructor(message, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const unknownInstruction = (id) => new UsageError(`no instruction ${id}`, 3);

/** What is on the command line: the command, the instruction's id, the command's further arguments, and where things are. */
export function parseCommand(argv, commands) {
  const settings = { state: STATE, claude: CLAUDE };
  const words = argv.filter((word) => {
    const [, option, value] = /^--(state|claude)=(.+)$/.exec(word) ?? [];
    if (option) settings[option] = value;
    return !option;
  });
  const [command, id, ...rest] = words;
  if (!commands.includes(command)) throw new UsageError(`usage: devforge-instruction ${commands.join('|')} ID`);
  if (!ID.test(id ?? '')) throw new UsageError('ID must be a UUID in lower case');
  return { ...settings, command, id, rest };
}

/** Standard input as JSON. */
export function readInput() {
  try {
    return JSON.parse(readFileSync(0, 'utf8'));
  } catch (error) {
    throw new UsageError(`standard input is not JSON: ${error.message}`);
  }
}

/** Synchronous, past process.stdout, so that the descriptor can be closed afterwards. */
export function printAnswer(answer) {
  writeSync(1, `${JSON.stringify(answer)}\n`);
}
