import type { WorkspaceEvent, WorkspaceEventType } from '../workspace.js';
import type { EngineEvent } from './engine/engine-client.js';
import { LABEL_ID, LABEL_ROLE, type Role } from './labels.js';

const TYPES: Partial<Record<string, WorkspaceEventType>> = {
  create: 'created',
  start: 'started',
  die: 'exited',
  stop: 'stopped',
  oom: 'oom',
  pause: 'paused',
  unpause: 'unpaused',
  destroy: 'removed',
};

/** Roles of containers that are not a workspace themselves. */
export const SIDECARS: readonly string[] = ['git-agent', 'home-carrier', 'snapshot'] satisfies Role[];

/** @returns undefined for events of sidecars, and of commands run in a workspace */
export function toWorkspaceEvent({ action, dockerId, labels, at }: EngineEvent): WorkspaceEvent | undefined {
  const id = labels[LABEL_ID];
  const type = TYPES[action];
  if (id === undefined || type === undefined || SIDECARS.includes(labels[LABEL_ROLE] ?? '')) return undefined;
  return { id, runtimeId: dockerId, type, at };
}
