import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { instructionRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import { InstructionChanges } from './instruction-changes.js';

const TELL_EVERY_MS = 50;

describe('InstructionChanges', () => {
  const row = instructionRow();
  let events: DomainEvents;
  let clock: FakeClock;
  let changes: InstructionChanges;
  let woken: number;
  let told: string[];

  beforeEach(() => {
    events = new DomainEvents(quietLogger());
    clock = new FakeClock();
    changes = new InstructionChanges(events, clock);
    changes.onApplicationBootstrap();
    [woken, told] = [0, []];
    events.on('instruction.changed', ({ lastSeq }) => void told.push(`changed ${lastSeq}`));
    events.on('instruction.moved', () => void told.push('moved'));
  });
  afterEach(() => changes.onModuleDestroy());

  const grow = (lastSeq: number): void => changes.grew({ ...row, lastSeq });

  it('wakes whoever watches here at once, each time', async () => {
    const unwatch = changes.watch(row.id, () => (woken += 1));
    for (const seq of [1, 2, 3]) grow(seq);
    expect(woken).toBe(3);
    changes.grew(instructionRow());
    unwatch();
    grow(4);
    await settled();
    expect(woken).toBe(3);
  });

  it('tells others at once, then the latest now and then', async () => {
    for (const seq of [1, 2, 3]) grow(seq);
    await settled();
    expect(told).toEqual(['changed 1']);
    await clock.advance(TELL_EVERY_MS);
    expect(told).toEqual(['changed 1', 'changed 3']);
    await clock.advance(TELL_EVERY_MS);
    await clock.advance(TELL_EVERY_MS);
    grow(4);
    await settled();
    expect(told).toEqual(['changed 1', 'changed 3', 'changed 4']);
  });

  it('tells at once that it moved', async () => {
    grow(1);
    changes.moved({ ...row, lastSeq: 2 });
    await settled();
    expect(told).toEqual(['changed 1', 'moved']);
    await clock.advance(TELL_EVERY_MS);
    expect(told.at(-1)).toBe('changed 2');
  });

  it('wakes for what another process tells', async () => {
    changes.watch(row.id, () => (woken += 1));
    events.emit('instruction.changed', {
      instructionId: row.id,
      containerId: row.containerId,
      ownerId: 'admin',
      lastSeq: 1,
    });
    await settled();
    expect(woken).toBe(1);
  });
});
