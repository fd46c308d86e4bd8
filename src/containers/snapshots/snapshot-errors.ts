import { DomainError } from '../../common/errors/domain-error.js';

export function snapshotNotFound(reference: string): DomainError {
  return new DomainError('snapshot_not_found', `There is no snapshot "${reference}".`);
}
