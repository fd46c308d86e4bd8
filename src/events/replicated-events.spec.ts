import { describe, expect, it } from '@jest/globals';
import { readReplicatedEvent, REPLICATED_EVENTS, wireNameOf } from './replicated-events.js';

const containerId = '0190a4e2-0000-4000-8000-000000000001';
const projectId = 'p';

describe('a replicated event', () => {
  it('is about a container or an instruction, never about the engine of this process', () => {
    expect(REPLICATED_EVENTS.toSorted()).toEqual([
      'container.changed',
      'container.deleting',
      'container.removed',
      'egress.denied',
      'instruction.changed',
      'instruction.state_changed',
    ]);
  });

  it.each([
    ['container.changed', { containerId, projectId }],
    ['container.removed', { containerId, projectId, at: new Date('2026-01-02T03:04:05.678Z') }],
    ['container.deleting', { containerId }],
    ['egress.denied', { containerId, projectId, seq: 7 }],
    ['instruction.changed', { instructionId: containerId, containerId, projectId, lastSeq: 7 }],
    ['instruction.state_changed', { instructionId: containerId, containerId, projectId }],
  ] as const)('%s arrives as it was sent', (name, payload) => {
    expect(readReplicatedEvent(wireNameOf(name), JSON.parse(JSON.stringify(payload)))).toEqual({ name, payload });
  });

  it('has the name that replicas of version 0.1.0 send and understand', () => {
    expect(REPLICATED_EVENTS.map(wireNameOf).toSorted()).toEqual([
      'container.changed',
      'container.deleting',
      'container.removed',
      'egress.denied',
      'instruction.changed',
      'instruction.moved',
    ]);
  });

  it('arrives without fields that do not belong to it', () => {
    expect(readReplicatedEvent('container.deleting', { containerId, extra: 1 })?.payload).toEqual({ containerId });
  });

  it.each([
    ['engine.available', {}],
    ['engine.unavailable', { reason: 'x' }],
    ['container.renamed', { containerId, projectId }],
    ['toString', { containerId }],
    [5, { containerId }],
    ['container.changed', null],
    ['container.changed', 'text'],
    ['container.changed', { containerId }],
    ['container.changed', { containerId: 'nobody', projectId }],
    ['container.deleting', { containerId: [containerId] }],
    ['container.removed', { containerId, projectId }],
    ['egress.denied', { containerId, projectId, seq: '7' }],
    ['container.removed', { containerId, projectId, at: 'yesterday' }],
    ['instruction.changed', { instructionId: containerId, containerId, projectId, lastSeq: '7' }],
    ['instruction.moved', { instructionId: 'x', containerId, projectId }],
    ['instruction.state_changed', { instructionId: containerId, containerId, projectId }],
  ])('is rejected when it is %j with %j', (name, payload) => {
    expect(readReplicatedEvent(name, payload)).toBeUndefined();
  });
});
