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
  const stateChanged = jest.fn();
  let request: PermissionRow | null;
  let container: ContainerRow;
  let row: InstructionRow;
  let service: InstructionPermissionsService;

  beforeEach(() => {
    row = instructionRow();
    container = containerRow({ id: row.containerId });
    request = {
      instructionId: row.id,
      requestId: 'r',
      toolName: 'Bash',
      input: '{}',
      askedAt: T0,
      decision: null,
      closedAt: null,
    };
    answer.mockReset().mockResolvedValue('answered');
    stateChanged.mockReset();
    const permissions = {
      find: async (_: string, requestId: string) => (requestId === 'r' ? request : null),
      decide: async (_: string, __: string, decision: 'allow' | 'deny') => {
        if (request === null || request.closedAt !== null) return false;
        request = { ...request, decision, closedAt: T0 };
        return true;
      },
      reopen: async () => void (request = { ...request!, decision: null, closedAt: null }),
    } as unknown as InstructionPermissionsRepository;
    service = new InstructionPermissionsService(
      permissions,
      { findById: async () => container } as unknown as ContainersRepository,
      { answer } as unknown as RunnerClient,
      { stateChanged } as unknown as InstructionChanges,
    );
  });

  const decide = (decision: 'allow' | 'deny', requestId = 'r', message?: string) =>
    service.answer(row, requestId, { decision, message });

  it('delivers the answer and reports the change', async () => {
    await decide('deny', 'r', 'No.');
    expect(answer).toHaveBeenCalledWith(
      { workspace: workspaceOf(container), instructionId: row.id },
      'r',
      'deny',
      'No.',
    );
    expect(request).toMatchObject({ decision: 'deny', closedAt: T0 });
    expect(stateChanged).toHaveBeenCalledTimes(1);
  });

  it('accepts the same answer again and refuses another one', async () => {
    await decide('allow');
    await decide('allow');
    await expect(decide('deny')).rejects.toMatchObject({ code: 'permission_answered' });
    expect(answer).toHaveBeenCalledTimes(1);
  });

  it('accepts one of two concurrent answers', async () => {
    const results = await Promise.allSettled([decide('allow'), decide('deny')]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(answer).toHaveBeenCalledTimes(1);
  });

  it('reopens the request when the answer could not be delivered', async () => {
    answer.mockRejectedValueOnce(new DriverError('unavailable', 'unavailable'));
    await expect(decide('allow')).rejects.toMatchObject({ code: 'unavailable' });
    expect(request).toMatchObject({ decision: null, closedAt: null });
    await decide('deny');
    expect(request).toMatchObject({ decision: 'deny' });
  });

  it('throws permission_not_found for unknown and closed requests', async () => {
    await expect(decide('allow', 'another')).rejects.toMatchObject({ code: 'permission_not_found' });
    request = { ...request!, closedAt: T0 };
    await expect(decide('allow')).rejects.toMatchObject({ code: 'permission_not_found' });
    request = { ...request, closedAt: null };
    answer.mockResolvedValue('unknown');
    await expect(decide('allow')).rejects.toMatchObject({ code: 'permission_not_found' });
  });

  it('throws invalid_state unless the instruction and its container are running', async () => {
    container = containerRow({ status: 'stopped' });
    await expect(decide('allow')).rejects.toMatchObject({ code: 'invalid_state' });
    row = instructionRow({ status: 'cancelled' });
    await expect(decide('allow')).rejects.toMatchObject({
      code: 'invalid_state',
      extensions: { currentStatus: 'cancelled' },
    });
    expect(answer).not.toHaveBeenCalled();
  });
});
