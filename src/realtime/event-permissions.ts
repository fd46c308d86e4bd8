import type { ClientToServerEvents } from '@devforge/contract';
import type { Permission } from '../auth/permissions.js';

/** The permission that each event of clients needs. The type makes a missing one a compile error. */
export const EVENT_PERMISSIONS: Record<keyof ClientToServerEvents, Permission> = {
  'subscribe:metrics': 'container:read',
  'unsubscribe:metrics': 'container:read',
  'subscribe:status': 'container:read',
  'unsubscribe:status': 'container:read',
  'subscribe:logs': 'container:read',
  'unsubscribe:logs': 'container:read',
  'subscribe:instruction': 'instruction:read',
  'unsubscribe:instruction': 'instruction:read',
  'terminal:open': 'container:terminal',
  'terminal:input': 'container:terminal',
  'terminal:resize': 'container:terminal',
  'terminal:detach': 'container:terminal',
  'terminal:close': 'container:terminal',
};

/** Whether clients may send an event of this name. */
export function isClientEvent(event: string): event is keyof ClientToServerEvents {
  return Object.hasOwn(EVENT_PERMISSIONS, event);
}
