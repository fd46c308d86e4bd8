import type { ListedWorkspace, WorkspaceRef, WorkspaceSpec } from '../workspace.js';

export function refOf({ id, runtimeId }: WorkspaceRef): WorkspaceRef {
  return { id, runtimeId };
}

/** What a fake workspace cannot change once it was created. */
export function fingerprintOf({ id, dataId = id, image, limits, readGitKey, egress }: WorkspaceSpec): string {
  return JSON.stringify([dataId === id, image, limits.pids, readGitKey === null, egress.mode === 'open']);
}

export function listedOf({ id, runtimeId, image, state }: ListedWorkspace): ListedWorkspace {
  return { id, runtimeId, image, state };
}
