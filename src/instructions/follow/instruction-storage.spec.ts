import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import type { Settings } from '../../config/settings.js';
import type { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { InstructionStorage } from './instruction-storage.js';

describe('InstructionStorage', () => {
  let clock: FakeClock;
  let stored: number;
  let measurements: number;

  beforeEach(() => {
    clock = new FakeClock();
    [stored, measurements] = [0, 0];
  });

  const storageOf = (storageBytes: number): InstructionStorage =>
    new InstructionStorage(
      { storedBytes: async () => ((measurements += 1), stored) } as unknown as InstructionsRepository,
      clock,
      { instructionOutput: { storageBytes } } as Settings,
    );

  it('has room until what was stored reaches the limit, and again once something was deleted', async () => {
    const storage = storageOf(100);
    await storage.requireRoom();
    storage.add(99);
    await storage.requireRoom();
    storage.add(1);
    await expect(storage.requireRoom()).rejects.toMatchObject({ code: 'instruction_storage_full' });
    stored = 50;
    await clock.advance(10_000);
    await expect(storage.requireRoom()).resolves.toBeUndefined();
  });

  it('measures every ten seconds at most', async () => {
    const storage = storageOf(100);
    for (let call = 0; call < 5; call++) await storage.requireRoom();
    expect(measurements).toBe(1);
  });

  it('has no limit with 0', async () => {
    const storage = storageOf(0);
    storage.add(1e15);
    await storage.requireRoom();
    expect(measurements).toBe(0);
  });
});
