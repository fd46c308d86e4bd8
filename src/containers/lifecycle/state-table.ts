import type { ContainerStatus } from '../../persistence/types.js';

/**
 * The statuses that may follow each status; every change of status is checked against this table. It includes changes
 * made at the engine without DevForge.
 */
export const NEXT: Record<ContainerStatus, readonly ContainerStatus[]> = {
  queued: ['creating', 'failed', 'deleting'],
  creating: ['queued', 'starting', 'failed', 'deleting'],
  starting: ['queued', 'creating', 'cloning', 'running', 'stopped', 'failed', 'missing', 'deleting'],
  cloning: ['queued', 'creating', 'starting', 'running', 'stopped', 'failed', 'missing', 'deleting'],
  running: ['queued', 'starting', 'stopping', 'stopped', 'missing', 'failed', 'deleting'],
  stopping: ['stopped', 'running', 'missing', 'failed', 'deleting'],
  stopped: ['queued', 'starting', 'running', 'missing', 'failed', 'deleting'],
  failed: ['queued', 'deleting'],
  missing: ['queued', 'running', 'stopped', 'deleting'],
  deleting: [],
};

/** The statuses from which `to` can be reached. `to` is one of them, so that a step can run twice. */
export function statusesBefore(to: ContainerStatus): ContainerStatus[] {
  return (Object.keys(NEXT) as ContainerStatus[]).filter((status) => status === to || NEXT[status].includes(to));
}

/** Statuses in which a job works on the container. */
export const PROVISIONING: readonly ContainerStatus[] = ['queued', 'creating', 'starting', 'cloning'];
