import type { PausedWorkspaces } from '../../src/workspace/paused-workspaces.js';

/** Stands for a server whose workspaces are never paused. */
export const neverPaused = {
  isPaused: () => false,
  requireUnpaused: () => undefined,
  onStillPaused: () => () => undefined,
} as unknown as PausedWorkspaces;
