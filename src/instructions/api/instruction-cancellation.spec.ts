import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { InstructionRow, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import type { RunnerClient } from '../runner/runner-client.js';
import { InstructionCancellation } from './instruction-cancellation.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

describe('InstructionCancellation', () => {
  const interrupt = jest.fn<RunnerClient['cancel']>();
  let row: InstructionRow | null;
  let container: ContainerRow;
  let changes: InstructionChanges;
  let cancellation: InstructionCancellation;
  let client: AbortController;

  beforeEach(() => {
    row = instructionRow();
    container = containerRow({ id: row.containerId });
    interrupt.mockReset().mockResolvedValue();
    changes = new InstructionChanges(new DomainEvents(quietLogger()), new FakeClock());
    changes.onApplicationBootstrap();
    client = new AbortController();
    const instructions = {
      findById: async () => row,
      cancel: async () => {
        if (row?.status === 'queued') row = { ...row, status: 'cancelled', finishedAt: new Date() };
        else if (row?.status === 'running') row = { ...row, cancelRequestedAt: new Date() };
        return row;
      },
    } as unknown as InstructionsRepository;
    cancellation = new InstructionCancellation(
      instructions,
      { findById: async () => container } as unknown as ContainersRepository,
      { cancel: interrupt } as unknown as RunnerClient,
      changes,
      quietLogger(),
    );
  });

  const cancel = () => cancellation.cancel(row!, client.signal);
  const finish = (): void => {
    row = { ...row!, status: 'cancelled', finishedAt: new Date() };
    changes.stateChanged(row);
  };

  it('cancels a queued instruction at once', async () => {
    row = instructionRow({ status: 'queued' });
    await expect(cancel()).resolves.toMatchObject({ status: 'cancelled' });
    expect(interrupt).not.toHaveBeenCalled();
  });

  it('interrupts a running instruction and returns it when it has ended', async () => {
    let answered = false;
    const cancelling = cancel().then((answer) => {
      answered = true;
      return answer;
    });
    await settled();
    expect(interrupt).toHaveBeenCalledWith({ workspace: workspaceOf(container), instructionId: row!.id });
    expect(answered).toBe(false);
    finish();
    await expect(cancelling).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('returns when another process has stored the end', async () => {
    const cancelling = cancel();
    await settled();
    row = { ...row!, status: 'cancelled', finishedAt: new Date() };
    await expect(cancelling).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('waits for the process that executes the instruction when the runner cannot be reached', async () => {
    interrupt.mockRejectedValue(new DriverError('unavailable', 'unavailable'));
    const cancelling = cancel();
    await settled();
    finish();
    await expect(cancelling).resolves.toMatchObject({ status: 'cancelled' });
    container = containerRow({ status: 'stopped' });
    row = instructionRow();
    interrupt.mockClear();
    const another = cancel();
    await settled();
    finish();
    await another;
    expect(interrupt).not.toHaveBeenCalled();
  });

  it.each(['client disconnects', 'server stops'])('returns the instruction as it is when the %s', async (what) => {
    const cancelling = cancel();
    await settled();
    if (what === 'client disconnects') client.abort();
    else cancellation.onModuleDestroy();
    await expect(cancelling).resolves.toMatchObject({ status: 'running', cancelRequestedAt: expect.any(Date) });
  });

  it('throws instruction_not_found for an instruction that was deleted', async () => {
    const cancelling = cancel();
    await settled();
    const deleted = row!;
    row = null;
    changes.stateChanged(deleted);
    await expect(cancelling).rejects.toMatchObject({ code: 'instruction_not_found' });
    await expect(cancellation.cancel(deleted, client.signal)).rejects.toMatchObject({ code: 'instruction_not_found' });
  });
});
