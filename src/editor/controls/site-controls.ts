import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainError } from '../../common/errors/domain-error.js';
import { ContainerActivity } from '../../containers/activity/container-activity.js';
import { ContainerLifecycleService } from '../../containers/lifecycle/container-lifecycle.service.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { Activity } from '../../persistence/types.js';
import { EDITOR_NOTICE } from '../pages/editor-notice.js';
import { canBeStarted, statusMessage } from '../pages/waiting-page.js';
import { redirect, sendError } from '../proxy/site-responses.js';

/** Paths below it belong to DevForge on every site. */
export const CONTROL_PREFIX = '/.devforge/';

/** Whose request it is, and where its site begins. */
export interface ControlRequest {
  container: ContainerRow;
  /** The path of the site's first page. */
  home: string;
  /** Whether a page of this very site, and no other one, has sent the request. */
  isOwn: boolean;
}

/**
 * What a browser that is signed in to a site may know and do beyond it: read the state of its container, and start that
 * container. Starting is all of it: what it does is no more than the container's user was given anyway.
 */
@Injectable()
export class SiteControls {
  constructor(
    private readonly lifecycle: ContainerLifecycleService,
    private readonly activity: ContainerActivity,
    @InjectPinoLogger(SiteControls.name) private readonly logger: PinoLogger,
  ) {}

  /** Notes that the site of a container is used, if that runs. */
  isInUse({ id, status }: ContainerRow, port: number | null): boolean {
    if (status !== 'running') return false;
    this.activity.note(id, activityOf(port));
    return true;
  }

  /** Starts a container that was stopped because nobody used it. @returns the container as it is then */
  async use(container: ContainerRow, port: number | null): Promise<ContainerRow> {
    try {
      return await this.activity.begin(container, activityOf(port));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.logger.debug({ err: error, containerId: container.id }, 'A container was not started for its site');
      return container;
    }
  }

  async handle(request: IncomingMessage, response: ServerResponse, path: string, of: ControlRequest): Promise<void> {
    const [action] = path.slice(CONTROL_PREFIX.length).split('?');
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (action === 'status' && isRead) return sendStatus(response, of.container);
    if (action === 'editor.js' && isRead) return sendNotice(response);
    if (action === 'start' && request.method === 'POST') return this.start(request, response, of);
    sendError(response, 404, 'No such address.');
  }

  private async start(
    request: IncomingMessage,
    response: ServerResponse,
    { container, home, isOwn }: ControlRequest,
  ): Promise<void> {
    if (!isOwn) return sendError(response, 403, 'Cross-site request refused.');
    // A form's browser gets the page that waits, or shows why it does not; a script gets the state.
    const isForm = (request.headers.accept ?? '').includes('text/html');
    try {
      await this.lifecycle.start(container);
      this.logger.info({ containerId: container.id }, 'A container was started from its site');
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (!isForm) return sendError(response, 409, error.message);
    }
    if (isForm) redirect(response, home, { status: 303 });
    else sendStatus(response, { ...container, status: 'starting', statusReason: null });
  }
}

function activityOf(port: number | null): Activity {
  return port === null ? 'editor' : 'preview';
}

function sendStatus(response: ServerResponse, row: ContainerRow): void {
  const { name, status } = row;
  const body = { name, status, message: statusMessage(row), canBeStarted: canBeStarted(row) };
  response
    .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    .end(JSON.stringify(body));
}

function sendNotice(response: ServerResponse): void {
  response
    .writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8', 'Cache-Control': 'no-cache' })
    .end(EDITOR_NOTICE);
}
