import type { ImageRequest, WorkspaceDriver } from '../workspace-driver.js';
import type { ListedWorkspace, WorkspaceRef, WorkspaceSpec } from '../workspace.js';

export function refOf({ id, runtimeId }: WorkspaceRef): WorkspaceRef {
  return { id, runtimeId };
}

/** Plays the build of an image. */
export type PrepareHandler = (...asked: Parameters<WorkspaceDriver['prepare']>) => Promise<void>;

/** The reference of what was asked for. */
export function fakeImageOf({ template, image, packages = [] }: ImageRequest): string {
  const base = image === undefined ? `devforge/workspace-${template}:fake` : `devforge/image-${template}:${image}`;
  return [base, ...packages].join('+');
}

/** What a fake workspace cannot change once it was created. */
export function fingerprintOf({ id, dataId = id, image, limits, readGitKey, egress }: WorkspaceSpec): string {
  return JSON.stringify([dataId === id, image, limits.pids, readGitKey === null, egress.mode === 'open']);
}

export function listedOf({ id, runtimeId, image, state }: ListedWorkspace): ListedWorkspace {
  return { id, runtimeId, image, state };
}
