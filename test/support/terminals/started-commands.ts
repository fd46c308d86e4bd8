/** What runs in every workspace by itself, and the question. */
const STANDING = /docker-init|devforge-workspace|devforge-agents|sleep infinity|ps -eo/;

/** Prints what runs, for {@link startedCommands}. */
export const LIST_COMMANDS = 'ps -eo args --no-headers';

/** The commands that somebody started in a workspace, out of all that run there. */
export function startedCommands(listed: string): string[] {
  return listed
    .trim()
    .split('\n')
    .filter((line) => !STANDING.test(line));
}
