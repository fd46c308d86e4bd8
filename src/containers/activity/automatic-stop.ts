import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

/** Why a container was stopped by itself. */
export const IDLE = 'idle';
export const EXPIRED = 'ttl_expired';

/** Whether the container was stopped, or is being stopped, because nobody used it or its time was over. */
export function isStoppedByItself({ status, statusReason }: Pick<ContainerRow, 'status' | 'statusReason'>): boolean {
  return (
    (status === 'stopped' || status === 'stopping') && (statusReason?.code === IDLE || statusReason?.code === EXPIRED)
  );
}
