import { Injectable } from '@nestjs/common';
import { plainTail } from '../common/plain-text.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { SiteAddresses } from '../sites/site-addresses.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';

const START_TIMEOUT_MS = 40_000;
const MAX_CACHED = 1_000;
const MAX_REASON_LENGTH = 4_096;

/** Starts VS Code in containers. Concurrent requests share one start. */
@Injectable()
export class EditorLauncher {
  private readonly started = new Map<string, Promise<void>>();

  constructor(
    private readonly programs: WorkspacePrograms,
    private readonly addresses: SiteAddresses,
  ) {}

  /** Resolves when VS Code is running. @throws DomainError `editor_unavailable` with the editor's error output */
  ensure(row: ContainerRow): Promise<void> {
    const run = runKey(row);
    const known = this.started.get(run);
    if (known !== undefined) return known;
    if (this.started.size >= MAX_CACHED) this.started.clear();
    const starting = this.start(row);
    starting.catch(() => this.started.delete(run));
    this.started.set(run, starting);
    return starting;
  }

  /** VS Code did not answer: the next {@link ensure} starts it again if it has ended. */
  forgetStart(row: ContainerRow): void {
    this.started.delete(runKey(row));
  }

  private async start(row: ContainerRow): Promise<void> {
    const result = await this.programs.run(row, 'devforge-editor', {
      args: ['start'],
      env: this.environment(row),
      timeoutMs: START_TIMEOUT_MS,
    });
    if (result.exitCode !== 0)
      throw new DomainError(
        'editor_unavailable',
        `VS Code did not start: ${plainTail(result.stderr.trim(), MAX_REASON_LENGTH)}`,
      );
  }

  /** What code-server reads: its pages' title, where ports are, and that it serves none of them itself. */
  private environment(row: ContainerRow): Record<string, string> {
    const ports = this.addresses.previewTemplate(row);
    return {
      CODE_SERVER_APP_NAME: row.name,
      CS_DISABLE_PROXY: '1',
      ...(ports === null ? {} : { VSCODE_PROXY_URI: ports }),
    };
  }
}

/** Changes when a container is restarted, since VS Code ends with it. */
function runKey(row: ContainerRow): string {
  return `${row.runtimeId} ${row.startedAt?.getTime() ?? 0}`;
}
