import type { ContainerStatus } from '../../persistence/types.js';

/**
 * From each status, the statuses that may follow. Any change of status goes through this table.
 * The engine is observed, so whatever can happen behind DevForge's back is here too.
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

/** The statuses from which `to` can be reached, itself included: a step that runs twice finds its own mark. */
export function statusesBefore(to: ContainerStatus): ContainerStatus[] {
  return (Object.keys(NEXT) as ContainerStatus[]).filter((status) => status === to || NEXT[status].includes(to));
}

/** On its way up: a job works on it. */
export const PROVISIONING: readonly ContainerStatus[] = ['queued', 'creating', 'starting', 'cloning'];
