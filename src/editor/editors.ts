import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../drivers/workspace.js';
import { workspaceOf } from '../workspace/workspace-ref.js';

const START_TIMEOUT_MS = 40_000;
const MOST_KNOWN = 1_000;

/** Brings up VS Code in containers, once for all who ask. */
@Injectable()
export class Editors {
  private readonly started = new Map<string, Promise<void>>();

  constructor(private readonly driver: WorkspaceDriver) {}

  /** @throws DomainError `editor_unavailable` with the editor's own words */
  ensure(row: ContainerRow): Promise<void> {
    const run = runOf(row);
    const known = this.started.get(run);
    if (known !== undefined) return known;
    if (this.started.size >= MOST_KNOWN) this.started.clear();
    const starting = this.start(workspaceOf(row));
    starting.catch(() => this.started.delete(run));
    this.started.set(run, starting);
    return starting;
  }

  /** It did not answer: the next who asks looks again. */
  forget(row: ContainerRow): void {
    this.started.delete(runOf(row));
  }

  private async start(workspace: WorkspaceRef): Promise<void> {
    const result = await this.driver.exec(workspace, {
      argv: ['devforge-editor', 'start'],
      timeoutMs: START_TIMEOUT_MS,
    });
    if (result.exitCode !== 0)
      throw new DomainError('editor_unavailable', `VS Code did not start: ${result.stderr.trim()}`);
  }
}

/** A container that was stopped and started has no editor again. */
function runOf(row: ContainerRow): string {
  return `${row.runtimeId} ${row.startedAt?.getTime() ?? 0}`;
}
