import type { WorkspaceRef } from '../drivers/workspace.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';

/** @throws Error when nothing was created for the container yet; its status says so before */
export function workspaceOf({
  id,
  runtimeId,
  addedEnv,
}: Pick<ContainerRow, 'id' | 'runtimeId' | 'addedEnv'>): WorkspaceRef {
  if (runtimeId === null) throw new Error(`The container ${id} has no workspace.`);
  return { id, runtimeId, ...(addedEnv === null ? {} : { addedEnv }) };
}
