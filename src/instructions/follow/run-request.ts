import { WORKSPACE_FOLDER } from '../../drivers/workspace.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import type { RunRequest } from '../runner/runner-client.js';

/** A run without output for this long counts as stalled. */
const STALL_SECONDS = 420;
/** Time that Claude Code has to exit after its result. */
const GRACE_SECONDS = 10;
const MAX_RESUMES = 1;

/** The request for the runner. In autonomous containers, Claude Code asks for no permissions. */
export function toRunRequest(row: InstructionRow, container: ContainerRow): RunRequest {
  return {
    prompt: row.prompt,
    cwd: WORKSPACE_FOLDER,
    permissionMode: container.mode === 'autonomous' ? 'bypassPermissions' : 'manual',
    sessionId: row.resumeSessionId,
    continue: row.continueLatest,
    newSessionId: row.id,
    model: row.model,
    maxTurns: row.maxTurns,
    maxBudgetUsd: row.maxBudgetUsd,
    timeoutSeconds: row.timeoutSeconds,
    stallSeconds: STALL_SECONDS,
    graceSeconds: GRACE_SECONDS,
    resumes: MAX_RESUMES,
  };
}
