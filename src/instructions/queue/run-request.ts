import { WORKSPACE_FOLDER } from '../../drivers/workspace.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import type { RunRequest } from '../runner/runner-client.js';

/** Silence after which a run counts as hanging. */
const STALL_SECONDS = 420;
/** How long Claude Code may take to end after its result. */
const GRACE_SECONDS = 10;
const RESUMES = 1;

/** What the runner is told. Autonomous containers refuse nothing and ask nothing. */
export function runRequest(row: InstructionRow, container: ContainerRow): RunRequest {
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
    resumes: RESUMES,
  };
}
