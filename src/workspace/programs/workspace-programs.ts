import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import { DriverError } from '../../drivers/driver-error.js';
import { type FrameKinds, FramedProcess } from './framed-process.js';

const FOLDER = '/usr/local/bin';
/** How the engine, and a shell, say that there is no such program. */
const NOT_FOUND = [126, 127];

/** Programs of the workspace images that DevForge talks to. */
export type WorkspaceProgram = 'devforge-exec' | 'devforge-files';

/** Starts DevForge's own programs in running containers, and tells why one ended without an answer. */
@Injectable()
export class WorkspacePrograms {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly containers: ContainersRepository,
  ) {}

  /** @throws DomainError `invalid_state` when the container does not run */
  async open(
    row: ContainerRow,
    tool: WorkspaceProgram,
    kinds: FrameKinds,
    signal?: AbortSignal,
  ): Promise<FramedProcess> {
    const workspace = requireRunning(row);
    try {
      return new FramedProcess(await this.driver.open(workspace, { argv: [`${FOLDER}/${tool}`], signal }), kinds);
    } catch (error) {
      // It has just stopped, was paused or removed; the row follows.
      if (error instanceof DriverError && (error.code === 'conflict' || error.code === 'not_found'))
        throw notRunning(row, error);
      throw error;
    }
  }

  /**
   * What a client is told of a program that ended without the answer it owed.
   * @throws DriverError when the engine let go of it
   */
  async explain(row: ContainerRow, process: FramedProcess): Promise<DomainError> {
    const exitCode = await process.exit;
    const words = process.lastWords;
    const cause = new Error(`the program ended with ${exitCode}: ${words}`);
    if (NOT_FOUND.includes(exitCode) && /no such file|not found/i.test(words)) {
      return new DomainError(
        'image_outdated',
        'The container was made from an image that cannot do this yet; create it anew.',
        { cause },
      );
    }
    const present = (await this.containers.findById(row.id)) ?? row;
    if (present.status !== 'running' || (await this.driver.observe(row.id))?.state !== 'running')
      return notRunning(present, cause);
    return new DomainError(
      'workspace_tool_failed',
      `The program of DevForge in the container ended with ${exitCode}${words === '' ? '' : `: ${words}`}`,
      { cause },
    );
  }
}

/** @throws DomainError `invalid_state` */
export function requireRunning(row: ContainerRow): WorkspaceRef {
  if (row.status !== 'running' || row.runtimeId === null) throw notRunning(row);
  return { id: row.id, runtimeId: row.runtimeId };
}

function notRunning(row: ContainerRow, cause?: unknown): DomainError {
  const detail =
    row.status === 'running'
      ? 'The container has just stopped, or is paused.'
      : `The container is ${row.status}; it must be running.`;
  return new DomainError('invalid_state', detail, { extensions: { currentStatus: row.status }, cause });
}
