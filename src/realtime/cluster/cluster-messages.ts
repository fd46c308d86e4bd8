import type { DomainEventName } from '../../events/domain-events.js';

/** What the Socket.io servers of the replicas say to one another. */
export interface ClusterMessages {
  'domain:event': (name: DomainEventName, payload: object) => void;
}
