/** Processes that run in every workspace, and `ps` itself. */
const PERMANENT = /docker-init|devforge-workspace|devforge-agents|devforge-forward|sleep infinity|ps -eo/;

/** Lists processes for {@link startedCommands}. */
export const LIST_COMMANDS = 'ps -eo args --no-headers';

/** The command lines of processes that do not run in every workspace. */
export function startedCommands(listed: string): string[] {
  return listed
    .trim()
    .split('\n')
    .filter((line) => !PERMANENT.test(line));
}
