const FOLDER = '/usr/local/bin';

/**
 * The programs of the workspace images that DevForge starts, and how it speaks with each:
 * frames with `devforge-exec`, `devforge-files` and `devforge-terminal`, lines with `devforge-agents` and
 * `devforge-instruction`, HTTP/2 with `devforge-tunnel`; the exit code of `devforge-clone`,
 * `devforge-setup` and `devforge-editor` is the answer.
 * The number is the protocol version of the images that this DevForge builds, as their greetings tell it.
 */
export const PROGRAM_VERSIONS = {
  'devforge-agents': 3,
  'devforge-clone': 2,
  'devforge-editor': 2,
  'devforge-exec': 2,
  'devforge-files': 3,
  'devforge-instruction': 2,
  'devforge-setup': 1,
  'devforge-terminal': 2,
  'devforge-tunnel': 2,
} as const;

export type WorkspaceProgram = keyof typeof PROGRAM_VERSIONS;

export function programPath(program: WorkspaceProgram): string {
  return `${FOLDER}/${program}`;
}
