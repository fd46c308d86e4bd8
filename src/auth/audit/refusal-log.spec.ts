import { describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { type RequestContext, runInContext, type Target } from '../../common/request-context.js';
import type { AuditEventsRepository, Refusal } from '../../persistence/audit/audit-events.repository.js';
import { RefusalLog } from './refusal-log.js';

const ACTOR = { kind: 'service', id: 'key:1', name: 'ci', credential: { kind: 'api_key', id: '1' } };
const TARGET = { kind: 'container', id: 'c', name: null };

function make(recordRefusal?: () => Promise<void>) {
  const recorded: Refusal[] = [];
  const lookedFor: unknown[] = [];
  const record = async (refusal: Refusal): Promise<void> => void recorded.push(refusal);
  const existsOutside = async (searched: readonly string[], { name }: Target): Promise<boolean> =>
    lookedFor.push([searched, name]) > 0 && name === 'foreign';
  const events = { recordRefusal: recordRefusal ?? record, existsOutside } as unknown as AuditEventsRepository;
  const clock = new FakeClock();
  const logger = quietLogger();
  const log = new RefusalLog(events, clock, logger);
  const refuse = (code: string, context: Partial<RequestContext>): Promise<void> => {
    runInContext({ address: null, requestId: null, ...context }, () => log.onError(code));
    return settled();
  };
  return { recorded, lookedFor, refuse, clock, logger };
}

describe('RefusalLog', () => {
  it.each<[string, Partial<RequestContext>]>([
    ['forbidden', { actor: ACTOR }],
    ['csrf_token_invalid', { actor: ACTOR }],
    ['unauthorized', { presented: ACTOR.credential }],
    ['sign_in_refused', { presented: ACTOR.credential }],
    ['invalid_credentials', {}],
    ['container_not_found', { actor: ACTOR, isHidden: true }],
  ])('records %s of a caller of whom something is known', async (code, context) => {
    const { recorded, refuse } = make();
    await refuse(code, { ...context, permission: 'api-key:manage', target: () => TARGET });
    expect(recorded).toEqual([{ action: 'api_key.manage', target: TARGET, projectId: null, code }]);
  });

  it.each<[string, Partial<RequestContext>]>([
    ['unauthorized', {}],
    ['sign_in_refused', {}],
    ['forbidden', {}],
    ['container_not_found', { actor: ACTOR }],
    ['quota_exceeded', { actor: ACTOR }],
    ['invalid_state', { actor: ACTOR, isHidden: true }],
    ['rate_limited', { actor: ACTOR }],
  ])('does not record %s otherwise', async (code, context) => {
    const { recorded, refuse } = make();
    await refuse(code, context);
    expect(recorded).toEqual([]);
  });

  it('tells the project of what a role is not enough for, and not that of what is hidden', async () => {
    const { recorded, refuse } = make();
    await refuse('forbidden', { actor: ACTOR, projectId: 'p' });
    await refuse('container_not_found', { actor: ACTOR, projectId: 'p', isHidden: true });
    expect(recorded.map(({ projectId }) => projectId)).toEqual(['p', null]);
  });

  it('looks after the answer for what the caller was told not to exist, and records it where it does', async () => {
    const { recorded, lookedFor, refuse } = make();
    const asked = (name: string) => ({ actor: ACTOR, searched: ['p'], target: () => ({ ...TARGET, id: null, name }) });
    const refused = refuse('container_not_found', asked('foreign'));
    expect(lookedFor).toEqual([]);
    await refused;
    await refuse('container_not_found', asked('nowhere'));
    expect(lookedFor).toEqual([
      [['p'], 'foreign'],
      [['p'], 'nowhere'],
    ]);
    expect(recorded.map(({ target }) => target.name)).toEqual(['foreign']);
  });

  it('does not look for everything that a flood asks for', async () => {
    const { lookedFor, refuse } = make();
    for (let count = 0; count < 100; count += 1)
      await refuse('container_not_found', { actor: ACTOR, searched: [], target: () => TARGET });
    expect(lookedFor).toHaveLength(30);
  });

  it('logs how many it left out', async () => {
    const { recorded, refuse, clock, logger } = make();
    for (let count = 0; count < 40; count += 1) await refuse('forbidden', { actor: ACTOR });
    expect(recorded).toHaveLength(30);
    await clock.advance(60_000);
    await refuse('forbidden', { actor: ACTOR });
    expect(recorded).toHaveLength(31);
    expect(logger.lines).toEqual([{ level: 'warn', message: 'Too many refusals to record them all' }]);
  });

  it('logs what it could not record', async () => {
    const { refuse, logger } = make(() => Promise.reject(new Error('away')));
    await refuse('forbidden', { actor: ACTOR });
    expect(logger.lines).toEqual([{ level: 'warn', message: 'A refusal could not be recorded' }]);
  });
});
