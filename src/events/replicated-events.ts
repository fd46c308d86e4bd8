import { isId } from '../common/id-generator.js';
import type { DomainEventMap, DomainEventName } from './domain-events.js';

type Fields = Readonly<Record<string, unknown>>;
/** @returns undefined when the fields are not a payload of that event */
type Reader<Name extends DomainEventName> = (fields: Fields) => DomainEventMap[Name] | undefined;

/**
 * Parsers of the events that concern every process on the database; null for an event that concerns this process only.
 * The type makes a missing event a compile error.
 */
const READERS: { [Name in DomainEventName]: Reader<Name> | null } = {
  'container.changed': ({ containerId, projectId }) =>
    isIdText(containerId) && isText(projectId) ? { containerId, projectId } : undefined,
  'container.removed': ({ containerId, projectId, at }) => {
    const removedAt = new Date(isText(at) ? at : Number.NaN);
    return isIdText(containerId) && isText(projectId) && !Number.isNaN(removedAt.getTime())
      ? { containerId, projectId, at: removedAt }
      : undefined;
  },
  'container.deleting': ({ containerId }) => (isIdText(containerId) ? { containerId } : undefined),
  'instruction.changed': ({ instructionId, containerId, projectId, lastSeq }) =>
    isIdText(instructionId) && isIdText(containerId) && isText(projectId) && Number.isInteger(lastSeq)
      ? { instructionId, containerId, projectId, lastSeq: lastSeq as number }
      : undefined,
  'instruction.state_changed': ({ instructionId, containerId, projectId }) =>
    isIdText(instructionId) && isIdText(containerId) && isText(projectId)
      ? { instructionId, containerId, projectId }
      : undefined,
  // Each process follows the engine, and the one that stored a denial tells of it.
  'egress.denied': ({ containerId, projectId, seq }) =>
    isIdText(containerId) && isText(projectId) && Number.isSafeInteger(seq)
      ? { containerId, projectId, seq: seq as number }
      : undefined,
  // Each process observes the agents itself.
  'agent.changed': null,
  // One process gives it to the engine.
  'project.budget_changed': null,
  'engine.available': null,
  'engine.unavailable': null,
};

/** Names on the wire where they differ from ours: replicas of version 0.1.0 run beside this one during an upgrade. */
const WIRE_NAMES: Partial<Record<DomainEventName, string>> = { 'instruction.state_changed': 'instruction.moved' };

/** Names of the events that are sent to the other processes. */
export const REPLICATED_EVENTS = (Object.keys(READERS) as DomainEventName[]).filter((name) => READERS[name] !== null);

const LOCAL_NAMES: ReadonlyMap<unknown, DomainEventName> = new Map(
  REPLICATED_EVENTS.map((name) => [wireNameOf(name), name]),
);

/** The name by which an event is sent to the other processes. */
export function wireNameOf(name: DomainEventName): string {
  return WIRE_NAMES[name] ?? name;
}

/** Parses an event from another process. @returns undefined when it is not a replicated event or its payload is malformed */
export function readReplicatedEvent(
  wireName: unknown,
  payload: unknown,
): { name: DomainEventName; payload: DomainEventMap[DomainEventName] } | undefined {
  const name = LOCAL_NAMES.get(wireName);
  if (name === undefined || typeof payload !== 'object' || payload === null) return undefined;
  const read = READERS[name]?.(payload as Fields);
  return read === undefined ? undefined : { name, payload: read };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isIdText(value: unknown): value is string {
  return isText(value) && isId(value);
}
