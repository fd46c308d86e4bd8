import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { currentContext, type RequestContext } from '../../common/request-context.js';
import { Clock } from '../../common/time/clock.js';
import { AuditEventsRepository } from '../../persistence/audit/audit-events.repository.js';
import { RefusalLimit } from './refusal-limit.js';

/**
 * Records requests and events of sockets that are refused for who the caller is. After the answer, so that an answer takes
 * the same time whether an object exists or not; and of a flood only a part, so that it does not fill the database.
 */
@Injectable()
export class RefusalLog {
  private readonly limit: RefusalLimit;
  /** What does not exist at all leaves the room of {@link limit} for what does. */
  private readonly lookUps: RefusalLimit;
  private dropped = 0;

  constructor(
    private readonly events: AuditEventsRepository,
    clock: Clock,
    @InjectPinoLogger(RefusalLog.name) private readonly logger: PinoLogger,
  ) {
    const now = (): number => clock.now().getTime();
    [this.limit, this.lookUps] = [new RefusalLimit(now), new RefusalLimit(now)];
  }

  /** @param code of the error that the current request is answered with */
  readonly onError = (code: string): void => {
    const context = currentContext();
    if (context === undefined || !isRefusal(code, context)) return;
    // The answer is written in this turn of the event loop.
    setImmediate(() => {
      this.log(code, context).catch((error: unknown) => {
        this.logger.warn({ err: error, code }, 'A refusal could not be recorded');
      });
    });
  };

  private async log(code: string, context: RequestContext): Promise<void> {
    const caller = context.actor?.id ?? context.presented?.id;
    if (code.endsWith('_not_found') && !(await this.isHidden(context, caller))) return;
    if (!this.limit.admit(caller)) {
      this.dropped += 1;
      return;
    }
    if (this.dropped > 0) this.logger.warn({ refusals: this.dropped }, 'Too many refusals to record them all');
    this.dropped = 0;
    await this.record(code, context);
  }

  private async isHidden({ isHidden, searched, target }: RequestContext, caller: string | undefined): Promise<boolean> {
    if (isHidden === true) return true;
    if (searched === undefined || target === undefined || !this.lookUps.admit(caller)) return false;
    return this.events.existsOutside(searched, target());
  }

  private async record(code: string, { permission, target, projectId }: RequestContext): Promise<void> {
    await this.events.recordRefusal({
      // An attempt to sign in has no permission.
      action: permission?.replace(':', '.').replaceAll('-', '_') ?? 'session.create',
      target: target?.() ?? { kind: 'server', id: null, name: null },
      // The owners of an object's project do not learn who from elsewhere asked for it.
      projectId: code.endsWith('_not_found') ? null : (projectId ?? null),
      code,
    });
  }
}

function isRefusal(code: string, { actor, presented, isHidden, searched }: RequestContext): boolean {
  switch (code) {
    case 'invalid_credentials':
      return true;
    case 'unauthorized':
    case 'sign_in_refused':
      return presented !== undefined;
    case 'forbidden':
    case 'csrf_token_invalid':
      return actor !== undefined;
    default:
      return (isHidden === true || searched !== undefined) && code.endsWith('_not_found');
  }
}
