import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { ContainersService } from '../containers/containers.service.js';
import { SiteAddresses } from '../sites/site-addresses.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { ContainerStatus } from '../persistence/types.js';
import { EditorLauncher } from './editor-launcher.js';
import { SignInTickets } from './sign-in/sign-in-tickets.js';
import type { Site } from './proxy/site.js';
import { HOST_PARAMETER, TICKET_PARAMETER } from './sign-in/site-access.js';

/** In these states, the link leads to a page that waits for the container. */
const WILL_RUN: readonly ContainerStatus[] = ['queued', 'creating', 'starting', 'cloning'];

export interface SiteLink {
  url: string;
  expiresAt: string;
}

/** Issues single-use links that sign a browser in to a container's VS Code or to one of its ports. */
@Injectable()
export class LinksService {
  constructor(
    private readonly containers: ContainersService,
    private readonly launcher: EditorLauncher,
    private readonly addresses: SiteAddresses,
    private readonly tickets: SignInTickets,
  ) {}

  async editor(principal: Principal, reference: string): Promise<SiteLink> {
    const row = await this.containers.find(principal, reference);
    if (row.template === 'claude')
      throw new DomainError('invalid_state', 'The container has no VS Code: its template is claude.');
    requireRunningOrStarting(row);
    if (row.status === 'running') await this.launcher.ensure(row);
    return this.link(principal, { containerId: row.id, port: null }, this.addresses.editorUrl(row));
  }

  /** @param host `localhost` for a program that answers under no other name */
  async preview(principal: Principal, reference: string, port: number, host?: 'localhost'): Promise<SiteLink> {
    const row = await this.containers.find(principal, reference);
    requireRunningOrStarting(row);
    const url = this.addresses.previewUrl(row, port);
    if (url === null) {
      throw new DomainError(
        'preview_unavailable',
        "Each port has a host name of its own: set EDITOR_DOMAIN to a wildcard name, and keep the container's name within 56 characters.",
      );
    }
    const link = await this.link(principal, { containerId: row.id, port }, url);
    return host === undefined ? link : { ...link, url: `${link.url}&${HOST_PARAMETER}=${host}` };
  }

  private async link({ credential }: Principal, site: Site, url: string): Promise<SiteLink> {
    const { ticket, expiresAt } = await this.tickets.issue(site, credential);
    return { url: `${url}?${TICKET_PARAMETER}=${ticket}`, expiresAt: expiresAt.toISOString() };
  }
}

function requireRunningOrStarting({ status }: ContainerRow): void {
  if (status === 'running' || WILL_RUN.includes(status)) return;
  throw new DomainError('invalid_state', `The container is ${status}; start it first.`, {
    extensions: { currentStatus: status },
  });
}
