import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { containerRow, instructionRow, T0 } from '../../../test/support/rows.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type {
  InstructionPermissionsRepository,
  PermissionRow,
} from '../../persistence/instructions/instruction-permissions.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { DriverError } from '../../drivers/driver-error.js';
import type { RunnerClient } from '../runner/runner-client.js';
import type { InstructionChanges } from '../follow/instruction-changes.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';
import { InstructionPermissionsService } from './instruction-permissions.service.js';

describe('InstructionPermissionsService', () => {
  const answer = jest.fn<RunnerClient['answer']>();
  const moved = jest.fn();
  let asked: PermissionRow | null;
  let container: ContainerRow;
  let row: InstructionRow;
  let service: InstructionPermissionsService;

  beforeEach(() => {
    row = instructionRow();
    container = containerRow({ id: row.containerId });
    asked = {
      instructionId: row.id,
      requestId: 'r',
      toolName: 'Bash',
      input: '{}',
      askedAt: T0,
      decision: null,
      closedAt: null,
    };
    answer.mockReset().mockResolvedValue('answered');
    moved.mockReset();
    const permissions = {
      find: async (_: string, requestId: string) => (requestId === 'r' ? asked : null),
      decide: async (_: string, __: string, decision: 'allow' | 'deny') => {
        if (asked === null || asked.closedAt !== null) return false;
        asked = { ...asked, decision, closedAt: T0 };
        return true;
      },
      reopen: async () => void (asked = { ...asked!, decision: null, closedAt: null }),
    } as unknown as InstructionPermissionsRepository;
    service = new InstructionPermissionsService(
      permissions,
      { findById: async () => container } as unknown as ContainersRepository,
      { answer } as unknown as RunnerClient,
      { moved } as unknown as InstructionChanges,
    );
  });

  const give = (decision: 'allow' | 'deny', requestId = 'r', message?: string) =>
    service.answer(row, requestId, { decision, message });

  it('passes the answer on, and tells of it', async () => {
    await give('deny', 'r', 'No.');
    expect(answer).toHaveBeenCalledWith(
      { workspace: workspaceOf(container), instructionId: row.id },
      'r',
      'deny',
      'No.',
    );
    expect(asked).toMatchObject({ decision: 'deny', closedAt: T0 });
    expect(moved).toHaveBeenCalledTimes(1);
  });

  it('takes the same answer again, and no other', async () => {
    await give('allow');
    await give('allow');
    await expect(give('deny')).rejects.toMatchObject({ code: 'permission_answered' });
    expect(answer).toHaveBeenCalledTimes(1);
  });

  it('takes one of two that come at the same moment', async () => {
    const results = await Promise.allSettled([give('allow'), give('deny')]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(answer).toHaveBeenCalledTimes(1);
  });

  it('takes the answer back when it did not arrive', async () => {
    answer.mockRejectedValueOnce(new DriverError('unavailable', 'away'));
    await expect(give('allow')).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toMatchObject({ decision: null, closedAt: null });
    await give('deny');
    expect(asked).toMatchObject({ decision: 'deny' });
  });

  it('knows nothing of what is not asked, or no longer', async () => {
    await expect(give('allow', 'another')).rejects.toMatchObject({ code: 'permission_not_found' });
    asked = { ...asked!, closedAt: T0 };
    await expect(give('allow')).rejects.toMatchObject({ code: 'permission_not_found' });
    asked = { ...asked, closedAt: null };
    answer.mockResolvedValue('unknown');
    await expect(give('allow')).rejects.toMatchObject({ code: 'permission_not_found' });
  });

  it('needs an instruction that runs in a container that runs', async () => {
    container = containerRow({ status: 'stopped' });
    await expect(give('allow')).rejects.toMatchObject({ code: 'invalid_state' });
    row = instructionRow({ status: 'cancelled' });
    await expect(give('allow')).rejects.toMatchObject({
      code: 'invalid_state',
      extensions: { currentStatus: 'cancelled' },
    });
    expect(answer).not.toHaveBeenCalled();
  });
});
