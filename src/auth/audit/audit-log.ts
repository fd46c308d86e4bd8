import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { runInContext } from '../../common/request-context.js';
import { ClientAddresses } from '../../http/client-addresses.js';
import { AuditEventsRepository } from '../../persistence/audit/audit-events.repository.js';
import type { AuditAction, AuditDetails } from '../../persistence/types.js';
import type { Identity } from '../principal.js';

const WORKSPACE = '/workspace';
const MAX_TEXT_LENGTH = 1_024;

export interface AuditedContainer {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
}

/** Records acts that are no change of the database, before they begin: what cannot be recorded is not done. */
@Injectable()
export class AuditLog {
  constructor(
    private readonly events: AuditEventsRepository,
    private readonly clients: ClientAddresses,
  ) {}

  /** Records what the current request does to a container. */
  async record(action: AuditAction, container: AuditedContainer, details?: AuditDetails): Promise<void> {
    const { id, name, projectId } = container;
    await this.events.record({ action, target: { kind: 'container', id, name }, projectId, details });
  }

  /** @param terminalId as the caller sent it; undefined for a new terminal */
  recordTerminal(action: AuditAction, container: AuditedContainer, terminalId: string | undefined): Promise<void> {
    return this.record(action, container, terminalId === undefined ? undefined : { terminalId: storable(terminalId) });
  }

  /** @param path of the file, from the workspace's folder */
  recordFile(action: AuditAction, container: AuditedContainer, path: string): Promise<void> {
    const absolute = path === '' ? WORKSPACE : `${WORKSPACE}/${path}`;
    return this.record(action, container, { path: storable(absolute) });
  }

  /** Records that a browser is signed in to a site of a container, VS Code's or that of a port. */
  recordSite(
    request: IncomingMessage,
    actor: Identity,
    container: AuditedContainer,
    port: number | null,
  ): Promise<void> {
    const context = { address: this.clients.of(request), requestId: null, actor };
    return runInContext(context, () =>
      port === null ? this.record('editor.open', container) : this.record('preview.open', container, { port }),
    );
  }
}

/** What PostgreSQL stores of a text: neither NUL nor half a surrogate pair. */
function storable(text: string): string {
  return text.slice(0, MAX_TEXT_LENGTH).toWellFormed().replaceAll('\0', '\uFFFD');
}
