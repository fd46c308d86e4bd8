import { DomainError } from '../common/errors/domain-error.js';
import type { ContainerStatus } from '../persistence/types.js';

export function containerNotFound(reference: string): DomainError {
  return new DomainError('container_not_found', `There is no container "${reference}".`);
}

export function pausedContainer(status: ContainerStatus): DomainError {
  return new DomainError('invalid_state', 'The container is paused; unpause it at the engine.', {
    extensions: { currentStatus: status },
  });
}

export function nameTaken(name: string): DomainError {
  return new DomainError('name_taken', `There is a container named "${name}" already.`, {
    fields: [{ field: 'name', messages: ['is in use'] }],
  });
}

export function invalidState(present: ContainerStatus, wanted: string): DomainError {
  return new DomainError('invalid_state', `The container is ${present}; it cannot become ${wanted} from there.`, {
    extensions: { currentStatus: present },
  });
}
