import type { ContainerPatch, ContainerRow } from '../../persistence/containers/containers.repository.js';

/**
 * What a container's workspace lacks of its spec once it has the given id at the engine: one that was created just now has
 * everything, one that was there before has what it was created with.
 */
export function asCreated(
  row: Pick<ContainerRow, 'runtimeId' | 'pendingChanges' | 'addedEnv'>,
  runtimeId: string,
): Pick<ContainerPatch, 'pendingChanges' | 'addedEnv'> {
  const { pendingChanges, addedEnv } = row;
  return runtimeId === row.runtimeId ? { pendingChanges, addedEnv } : { pendingChanges: [], addedEnv: null };
}
