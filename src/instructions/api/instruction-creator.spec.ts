import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import { ADMINISTRATOR } from '../../auth/principal.js';
import { bodyHash } from '../../http/body-hash.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { ContainerLifecycleService } from '../../containers/lifecycle/container-lifecycle.service.js';
import type { ContainersService } from '../../containers/containers.service.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { CONTAINER_STATUSES } from '../../persistence/types.js';
import type { CreateInstructionDto } from './dto/create-instruction.dto.js';
import { InstructionCreator } from './instruction-creator.js';

const DTO: CreateInstructionDto = { prompt: 'p', continue: false, startIfStopped: false };

describe('InstructionAcceptance', () => {
  const insert = jest.fn<InstructionsRepository['insert']>();
  const findByKey = jest.fn<InstructionsRepository['findByKey']>();
  const start = jest.fn<ContainerLifecycleService['start']>();
  const earlier = instructionRow();
  let container: ContainerRow;
  let acceptance: InstructionCreator;

  beforeEach(() => {
    container = containerRow();
    insert
      .mockReset()
      .mockImplementation(async (instruction) => ({ kind: 'inserted', row: instructionRow(instruction) }));
    findByKey.mockReset().mockResolvedValue(null);
    start.mockReset().mockImplementation(async (row) => row);
    acceptance = new InstructionCreator(
      {
        insert,
        findByKey,
        findById: async (id: string) => (id === earlier.id ? earlier : null),
      } as unknown as InstructionsRepository,
      { find: async () => container } as unknown as ContainersService,
      { start } as unknown as ContainerLifecycleService,
      new FakeClock(),
      { next: () => 'new-id', secret: () => '' },
    );
  });

  const accept = (dto: Partial<CreateInstructionDto> = {}, key?: string) =>
    acceptance.accept(ADMINISTRATOR, container.name, { ...DTO, ...dto }, key);

  it('writes what was asked for, under its key', async () => {
    await expect(accept({ sessionId: 's', maxTurns: 3, model: 'm' }, 'k')).resolves.toMatchObject({
      id: 'new-id',
      containerId: container.id,
    });
    const [written, key] = insert.mock.calls[0]!;
    expect(written).toMatchObject({
      prompt: 'p',
      resumeSessionId: 's',
      continueLatest: false,
      maxTurns: 3,
      model: 'm',
      maxBudgetUsd: null,
      timeoutSeconds: null,
      ownerId: ADMINISTRATOR.ownerId,
    });
    expect(key).toEqual({ key: 'k', bodyHash: bodyHash({ model: 'm', maxTurns: 3, sessionId: 's', ...DTO }) });
  });

  it('answers a key that came before, whatever has become of the container', async () => {
    findByKey.mockResolvedValue({ kind: 'replayed', instructionId: earlier.id });
    container = containerRow({ status: 'stopped' });
    await expect(accept({}, 'k')).resolves.toEqual(earlier);
    findByKey.mockResolvedValue({ kind: 'key_reused' });
    await expect(accept({}, 'k')).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(insert).not.toHaveBeenCalled();
  });

  it('answers a key that came at the same moment', async () => {
    insert.mockResolvedValue({ kind: 'replayed', instructionId: earlier.id });
    await expect(accept({}, 'k')).resolves.toEqual(earlier);
  });

  it('refuses what has no Claude Code in it, or is being removed', async () => {
    container = containerRow({ template: 'vscode' });
    await expect(accept({ startIfStopped: true })).rejects.toMatchObject({ code: 'no_claude_code' });
    container = containerRow();
    insert.mockResolvedValue({ kind: 'container_gone' });
    await expect(accept()).rejects.toMatchObject({ code: 'container_not_found' });
  });

  it.each(CONTAINER_STATUSES.filter((status) => status !== 'running'))(
    'refuses a container that is %s, and says so',
    async (status) => {
      container = containerRow({ status });
      await expect(accept()).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: status } });
      expect([start.mock.calls.length, insert.mock.calls.length]).toEqual([0, 0]);
    },
  );

  it.each([
    ['stopped', 1],
    ['failed', 1],
    ['missing', 1],
    ['stopping', 1],
    ['starting', 0],
    ['cloning', 0],
    ['running', 0],
  ] as const)('with startIfStopped has one that is %s started where it needs that', async (status, starts) => {
    container = containerRow({ status });
    await accept({ startIfStopped: true });
    expect([start.mock.calls.length, insert.mock.calls.length]).toEqual([starts, 1]);
  });

  it('accepts nothing when the start is refused', async () => {
    container = containerRow({ status: 'stopped' });
    start.mockRejectedValue(new DomainError('engine_unavailable', 'away'));
    await expect(accept({ startIfStopped: true })).rejects.toMatchObject({ code: 'engine_unavailable' });
    container = containerRow({ status: 'deleting' });
    await expect(accept({ startIfStopped: true })).rejects.toMatchObject({ code: 'invalid_state' });
    expect(insert).not.toHaveBeenCalled();
  });
});
