import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/domain-error.js';
import { Settings } from '../config/settings.js';
import { WORKSPACE_NETWORK } from '../containers/container-names.js';
import { ContainersService } from '../containers/containers.service.js';
import { ContainersRepository, type ContainerRow } from '../persistence/containers.repository.js';
import { ContainerRuntime } from '../runtime/container-runtime.js';
import { EditorTickets } from './editor-tickets.js';

const START_TIMEOUT_MS = 40_000;
const EDITOR_PORT = 13_337;

export interface EditorLink {
  url: string;
  expiresAt: string;
}

/** Brings up VS Code in a container and tells where it listens. */
@Injectable()
export class EditorService {
  constructor(
    private readonly containers: ContainersService,
    private readonly rows: ContainersRepository,
    private readonly runtime: ContainerRuntime,
    private readonly tickets: EditorTickets,
    private readonly settings: Settings,
  ) {}

  /** @returns a link that signs a browser in once */
  async open(principal: Principal, reference: string): Promise<EditorLink> {
    const row = await this.containers.find(principal, reference);
    if (row.template === 'claude') throw new DomainError('invalid_state', 'The container has no VS Code: its template is claude.');
    if (row.status !== 'running') {
      throw new DomainError('invalid_state', `The container is ${row.status}; start it first.`, { extensions: { currentStatus: row.status } });
    }
    await this.startEditor(row);
    const { ticket, expiresAt } = this.tickets.issue(row.id);
    return { url: `${this.settings.publicUrl}/editor/${row.id}/?ticket=${ticket}`, expiresAt: expiresAt.toISOString() };
  }

  /** @returns `http://address:port` of the container's editor @throws DomainError when it does not run */
  async addressOf(containerId: string): Promise<string> {
    const row = await this.rows.findById(containerId);
    const container = row?.status === 'running' ? await this.runtime.containers.inspect(row.dockerId!) : null;
    const address = container?.addresses[WORKSPACE_NETWORK];
    if (address === undefined) throw new DomainError('editor_unavailable', 'The container does not run; start it first.');
    return `http://${address}:${EDITOR_PORT}`;
  }

  private async startEditor(row: ContainerRow): Promise<void> {
    const result = await this.runtime.containers.exec(row.dockerId!, {
      argv: ['devforge-editor', 'start'],
      env: { DEVFORGE_EDITOR_ADDR: `0.0.0.0:${EDITOR_PORT}` },
      timeoutMs: START_TIMEOUT_MS,
    });
    if (result.exitCode !== 0) throw new DomainError('editor_unavailable', `VS Code did not start: ${result.stderr.trim()}`);
  }
}
