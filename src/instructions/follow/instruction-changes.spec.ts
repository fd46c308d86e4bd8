import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { instructionRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import { InstructionChanges } from './instruction-changes.js';

const PUBLISH_INTERVAL_MS = 50;

describe('InstructionChanges', () => {
  const row = instructionRow();
  let events: DomainEvents;
  let clock: FakeClock;
  let changes: InstructionChanges;
  let notifications: number;
  let published: string[];

  beforeEach(() => {
    events = new DomainEvents(quietLogger());
    clock = new FakeClock();
    changes = new InstructionChanges(events, clock);
    changes.onApplicationBootstrap();
    [notifications, published] = [0, []];
    events.on('instruction.changed', ({ lastSeq }) => void published.push(`changed ${lastSeq}`));
    events.on('instruction.state_changed', () => void published.push('state changed'));
  });
  afterEach(() => changes.onModuleDestroy());

  const append = (lastSeq: number): void => changes.eventsAppended({ ...row, lastSeq });

  it('notifies watchers in this process at once for every change', async () => {
    const unwatch = changes.watch(row.id, () => (notifications += 1));
    for (const seq of [1, 2, 3]) append(seq);
    expect(notifications).toBe(3);
    changes.eventsAppended(instructionRow());
    unwatch();
    append(4);
    await settled();
    expect(notifications).toBe(3);
  });

  it('publishes the first change at once and then only the latest of each interval', async () => {
    for (const seq of [1, 2, 3]) append(seq);
    await settled();
    expect(published).toEqual(['changed 1']);
    await clock.advance(PUBLISH_INTERVAL_MS);
    expect(published).toEqual(['changed 1', 'changed 3']);
    await clock.advance(PUBLISH_INTERVAL_MS);
    await clock.advance(PUBLISH_INTERVAL_MS);
    append(4);
    await settled();
    expect(published).toEqual(['changed 1', 'changed 3', 'changed 4']);
  });

  it('publishes a change of state at once', async () => {
    append(1);
    changes.stateChanged({ ...row, lastSeq: 2 });
    await settled();
    expect(published).toEqual(['changed 1', 'state changed']);
    await clock.advance(PUBLISH_INTERVAL_MS);
    expect(published.at(-1)).toBe('changed 2');
  });

  it('notifies watchers of events from other processes', async () => {
    changes.watch(row.id, () => (notifications += 1));
    events.emit('instruction.changed', {
      instructionId: row.id,
      containerId: row.containerId,
      projectId: 'p',
      lastSeq: 1,
    });
    await settled();
    expect(notifications).toBe(1);
  });
});
