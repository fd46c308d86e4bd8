import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

/** What can wait does so after a claim: the engine first serves those who are about to use their container. */
const QUIET_MS = 1_000;

/** How long to put off work on a container that nobody waits for, in milliseconds: 0 unless it has just been claimed. */
export function quietAfterClaim(
  { provisioning, startedAt }: Pick<ContainerRow, 'provisioning' | 'startedAt'>,
  now: Date,
): number {
  if (provisioning === 'cold' || startedAt === null) return 0;
  return Math.max(0, startedAt.getTime() + QUIET_MS - now.getTime());
}
