import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

/** Why a container was stopped by itself. */
export const IDLE = 'idle';
export const EXPIRED = 'ttl_expired';
export const WAITED = 'waiting';
export const SCHEDULED = 'schedule';

const REASONS: readonly string[] = [IDLE, EXPIRED, WAITED, SCHEDULED];

/** Whether the container was stopped, or is being stopped, without anybody having asked for it at that time: it starts when it is used. */
export function isStoppedByItself({ status, statusReason }: Pick<ContainerRow, 'status' | 'statusReason'>): boolean {
  return (
    (status === 'stopped' || status === 'stopping') && statusReason !== null && REASONS.includes(statusReason.code)
  );
}
