import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import { ADMINISTRATOR } from '../../auth/principal.js';
import { bodyHash } from '../../http/bodies/body-hash.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { Settings } from '../../config/settings.js';
import { InstructionTarget } from './instruction-target.js';
import type { ContainerLifecycleService } from '../../containers/lifecycle/container-lifecycle.service.js';
import { noActivity } from '../../../test/support/no-activity.js';
import type { ContainersService } from '../../containers/containers.service.js';
import { type ContainerRow, QuotaExceededError } from '../../persistence/containers/containers.repository.js';
import type { InstructionStorage } from '../follow/instruction-storage.js';
import type { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { CONTAINER_STATUSES } from '../../persistence/types.js';
import type { CreateInstructionDto } from './dto/create-instruction.dto.js';
import { InstructionCreator } from './instruction-creator.js';

const DTO: CreateInstructionDto = { prompt: 'p', continue: false, startIfStopped: false };

const DEFAULT_TIMEOUT = 3_600;
describe('InstructionCreator', () => {
  const insert = jest.fn<InstructionsRepository['insert']>();
  const findByKey = jest.fn<InstructionsRepository['findByKey']>();
  const requireQuota = jest.fn<InstructionsRepository['requireQuota']>();
  const start = jest.fn<ContainerLifecycleService['start']>();
  const earlier = instructionRow();
  let container: ContainerRow;
  let creator: InstructionCreator;

  beforeEach(() => {
    container = containerRow();
    insert
      .mockReset()
      .mockImplementation(async (instruction) => ({ kind: 'inserted', row: instructionRow(instruction) }));
    findByKey.mockReset().mockResolvedValue(null);
    requireQuota.mockReset().mockResolvedValue(undefined);
    start.mockReset().mockImplementation(async (row) => row);
    creator = new InstructionCreator(
      {
        insert,
        findByKey,
        requireQuota,
        findById: async (id: string) => (id === earlier.id ? earlier : null),
      } as unknown as InstructionsRepository,
      new InstructionTarget(
        { find: async () => container } as unknown as ContainersService,
        { start } as unknown as ContainerLifecycleService,
        noActivity,
      ),
      new FakeClock(),
      { next: () => 'new-id', secret: () => '' },
      { requireRoom: async () => undefined } as unknown as InstructionStorage,
      { instructionTimeoutSeconds: DEFAULT_TIMEOUT } as Settings,
    );
  });

  const create = (dto: Partial<CreateInstructionDto> = {}, key?: string) =>
    creator.create({ ...ADMINISTRATOR, permission: 'instruction:drive' }, container.name, { ...DTO, ...dto }, key);

  it('stores the request with its idempotency key', async () => {
    await expect(create({ sessionId: 's', maxTurns: 3, model: 'm' }, 'k')).resolves.toMatchObject({
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
      timeoutSeconds: DEFAULT_TIMEOUT,
      ownerId: ADMINISTRATOR.id,
      projectId: container.projectId,
    });
    expect(key).toEqual({ key: 'k', bodyHash: bodyHash({ model: 'm', maxTurns: 3, sessionId: 's', ...DTO }) });
  });

  it('keeps the time limit of the request', async () => {
    await create({ timeoutSeconds: 5 });
    expect(insert.mock.calls[0]![0]).toMatchObject({ timeoutSeconds: 5 });
  });

  it('returns the earlier instruction for a known key, also when the container was stopped', async () => {
    findByKey.mockResolvedValue({ kind: 'replayed', instructionId: earlier.id });
    container = containerRow({ status: 'stopped' });
    await expect(create({}, 'k')).resolves.toEqual(earlier);
    findByKey.mockResolvedValue({ kind: 'key_reused' });
    await expect(create({}, 'k')).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    expect(insert).not.toHaveBeenCalled();
  });

  it('returns the instruction of a concurrent request with the same key', async () => {
    insert.mockResolvedValue({ kind: 'replayed', instructionId: earlier.id });
    await expect(create({}, 'k')).resolves.toEqual(earlier);
  });

  it('refuses a container without Claude Code and one that is being deleted', async () => {
    container = containerRow({ template: 'vscode' });
    await expect(create({ startIfStopped: true })).rejects.toMatchObject({ code: 'no_claude_code' });
    container = containerRow();
    insert.mockResolvedValue({ kind: 'container_gone' });
    await expect(create()).rejects.toMatchObject({ code: 'container_not_found' });
  });

  it.each(CONTAINER_STATUSES.filter((status) => status !== 'running'))(
    'refuses a container that is %s and reports its status',
    async (status) => {
      container = containerRow({ status });
      await expect(create()).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: status } });
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
  ] as const)('accepts with startIfStopped a container that is %s, and starts it %i times', async (status, starts) => {
    container = containerRow({ status });
    await create({ startIfStopped: true });
    expect([start.mock.calls.length, insert.mock.calls.length]).toEqual([starts, 1]);
  });

  it('starts no container for an instruction that the quota refuses', async () => {
    container = containerRow({ status: 'stopped' });
    requireQuota.mockRejectedValue(new QuotaExceededError({ quota: 'instructions', limit: 1, used: 1 }));
    await expect(create({ startIfStopped: true })).rejects.toThrow(QuotaExceededError);
    expect([start.mock.calls.length, insert.mock.calls.length]).toEqual([0, 0]);
  });

  it('stores nothing when the container cannot be started', async () => {
    container = containerRow({ status: 'stopped' });
    start.mockRejectedValue(new DomainError('engine_unavailable', 'unavailable'));
    await expect(create({ startIfStopped: true })).rejects.toMatchObject({ code: 'engine_unavailable' });
    container = containerRow({ status: 'deleting' });
    await expect(create({ startIfStopped: true })).rejects.toMatchObject({ code: 'invalid_state' });
    expect(insert).not.toHaveBeenCalled();
  });
});
