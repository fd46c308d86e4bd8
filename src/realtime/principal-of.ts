import type { ClientToServerEvents } from '@devforge/contract';
import { asPrincipal, type Principal } from '../auth/principal.js';
import { EVENT_PERMISSIONS } from './event-permissions.js';
import type { TypedSocket } from './typed-socket.js';

/**
 * The caller of an event.
 * @throws DomainError `forbidden`
 */
export function principalOf(socket: TypedSocket, event: keyof ClientToServerEvents): Principal {
  return asPrincipal(socket.data.identity, EVENT_PERMISSIONS[event]);
}
