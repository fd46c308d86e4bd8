import { isId } from '../common/id-generator.js';
import type { DomainEventMap, DomainEventName } from './domain-events.js';

type Fields = Readonly<Record<string, unknown>>;
/** @returns undefined for what is no payload of that event */
type Reader<Name extends DomainEventName> = (fields: Fields) => DomainEventMap[Name] | undefined;

/**
 * How an event is read back that concerns every process on the database, or null for one that is about this process
 * alone. An event that is not in here does not compile.
 */
const READERS: { [Name in DomainEventName]: Reader<Name> | null } = {
  'container.changed': ({ containerId, ownerId }) =>
    isIdText(containerId) && isText(ownerId) ? { containerId, ownerId } : undefined,
  'container.removed': ({ containerId, ownerId, at }) => {
    const removedAt = new Date(isText(at) ? at : Number.NaN);
    return isIdText(containerId) && isText(ownerId) && !Number.isNaN(removedAt.getTime())
      ? { containerId, ownerId, at: removedAt }
      : undefined;
  },
  'container.deleting': ({ containerId }) => (isIdText(containerId) ? { containerId } : undefined),
  'instruction.changed': ({ instructionId, containerId, ownerId, lastSeq }) =>
    isIdText(instructionId) && isIdText(containerId) && isText(ownerId) && Number.isInteger(lastSeq)
      ? { instructionId, containerId, ownerId, lastSeq: lastSeq as number }
      : undefined,
  'instruction.moved': ({ instructionId, containerId, ownerId }) =>
    isIdText(instructionId) && isIdText(containerId) && isText(ownerId)
      ? { instructionId, containerId, ownerId }
      : undefined,
  // Each process watches the agents for itself.
  'agent.changed': null,
  'engine.available': null,
  'engine.unavailable': null,
};

/** Names of the events that go from process to process. */
export const REPLICATED_EVENTS = (Object.keys(READERS) as DomainEventName[]).filter((name) => READERS[name] !== null);

/** An event of another process, as it came in; undefined when it is none that travels, or its payload is not what it should be. */
export function readReplicatedEvent(
  name: unknown,
  payload: unknown,
): { name: DomainEventName; payload: DomainEventMap[DomainEventName] } | undefined {
  if (typeof name !== 'string' || !Object.hasOwn(READERS, name) || typeof payload !== 'object' || payload === null)
    return undefined;
  const known = name as DomainEventName;
  const read = READERS[known]?.(payload as Fields);
  return read === undefined ? undefined : { name: known, payload: read };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isIdText(value: unknown): value is string {
  return isText(value) && isId(value);
}
