import { DomainError } from '../common/errors/domain-error.js';

export function credentialNotFound(id: string): DomainError {
  return new DomainError('credential_not_found', `There is no credential "${id}".`);
}

/** Somebody has deleted it since it was looked up. */
export function credentialJustGone(): DomainError {
  return new DomainError('credential_not_found', 'One of the credentials has just been deleted.');
}
