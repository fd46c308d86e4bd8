import { DomainError } from '../../common/errors/domain-error.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { workspaceOf } from '../workspace-ref.js';
import type { WorkspaceProgram } from './programs.js';

/** Exit codes by which the engine, and a shell, report that a program cannot be started. */
const CANNOT_START = [126, 127];
const NO_SUCH_FILE = /no such file|not found/i;

/** How a program ended. */
export interface ProgramEnd {
  program: WorkspaceProgram;
  exitCode: number;
  /** What it wrote besides its protocol. */
  stderrTail: string;
  /** Its protocol version, and the one that was needed. */
  version: number;
  needs: number;
}

/** Whether the image lacks the program, or has one that is too old for what it was asked. */
export function isOutdated({ exitCode, stderrTail, version, needs }: ProgramEnd): boolean {
  return version < needs || (CANNOT_START.includes(exitCode) && NO_SUCH_FILE.test(stderrTail));
}

export function imageOutdated(cause?: unknown): DomainError {
  return new DomainError(
    'image_outdated',
    'The container was created from an older image that does not support this; rebuild it.',
    { cause },
  );
}

/** @throws DomainError `image_outdated` */
export function requireVersion({ program, version, needs }: Pick<ProgramEnd, 'program' | 'version' | 'needs'>): void {
  if (version < needs) throw imageOutdated(new Error(`${program} is of version ${version}, and ${needs} is needed`));
}

export function programFailed({ program, exitCode, stderrTail }: ProgramEnd, cause: unknown): DomainError {
  return new DomainError(
    'workspace_tool_failed',
    `${program} in the container exited with code ${exitCode}${stderrTail === '' ? '' : `: ${stderrTail}`}`,
    { cause },
  );
}

/** A program, or another that writes to its output, sends more than the server takes. */
export function outputLimitExceeded(program: WorkspaceProgram, what: string, cause?: unknown): DomainError {
  return new DomainError('output_limit_exceeded', `${program} in the container wrote ${what}; it was ended.`, {
    cause,
  });
}

export function notRunning({ status }: Pick<ContainerRow, 'status'>, cause?: unknown): DomainError {
  const detail =
    status === 'running'
      ? 'The container has just stopped, or is paused.'
      : `The container is ${status}; it must be running.`;
  return new DomainError('invalid_state', detail, { extensions: { currentStatus: status }, cause });
}

/** @throws DomainError `invalid_state` */
export function requireRunning(row: Pick<ContainerRow, 'id' | 'status' | 'runtimeId' | 'addedEnv'>): WorkspaceRef {
  if (row.status !== 'running' || row.runtimeId === null) throw notRunning(row);
  return workspaceOf(row);
}
