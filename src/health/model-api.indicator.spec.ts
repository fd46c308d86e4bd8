import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { ModelProblems } from '../agent-state/model-problems.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainersRepository } from '../persistence/containers/containers.repository.js';
import { ModelApiIndicator } from './model-api.indicator.js';

const rows = [containerRow({}), containerRow({}), containerRow({}), containerRow({ status: 'stopped' })] as const;

function setUp() {
  const clock = new FakeClock();
  const problems = new ModelProblems(new DomainEvents(quietLogger()));
  let failure: Error | undefined;
  const listAll = async () => {
    if (failure !== undefined) throw failure;
    return rows;
  };
  const containers = { listAll } as unknown as ContainersRepository;
  const indicator = new ModelApiIndicator(new HealthIndicatorService(), problems, containers, clock);
  const fail = (error: Error) => (failure = error);
  return { clock, problems, check: () => indicator.check(), fail };
}

describe('the health of the API of the model', () => {
  it('is up while no running container of this server has a problem', async () => {
    const { clock, problems, check } = setUp();
    await expect(check()).resolves.toEqual({ modelApi: { status: 'up' } });
    const problem = { reason: 'credential_refused', status: 401, at: clock.now() } as const;
    problems.report(rows[3].id, problem);
    problems.report('of-another-server', problem);
    await expect(check()).resolves.toEqual({ modelApi: { status: 'up' } });
  });

  it('is degraded, with each reason and how many containers have it, and forgets what passes by itself', async () => {
    const { clock, problems, check } = setUp();
    problems.report(rows[0].id, { reason: 'rate_limited', status: 429, at: clock.now() });
    problems.report(rows[1].id, { reason: 'credential_refused', status: 401, at: clock.now() });
    problems.report(rows[2].id, { reason: 'credential_refused', status: 403, at: clock.now() });
    await expect(check()).resolves.toEqual({
      modelApi: {
        status: 'degraded',
        message: 'the API of the model refuses the credential (2 containers), limits the rate (1 container)',
      },
    });
    await clock.advance(16 * 60_000);
    await expect(check()).resolves.toMatchObject({
      modelApi: { status: 'degraded', message: 'the API of the model refuses the credential (2 containers)' },
    });
    for (const { id } of rows) problems.report(id, null);
    await expect(check()).resolves.toEqual({ modelApi: { status: 'up' } });
  });

  it('is no concern of its own without the database', async () => {
    const { clock, problems, check, fail } = setUp();
    problems.report(rows[0].id, { reason: 'overloaded', status: 529, at: clock.now() });
    fail(new Error('away'));
    await expect(check()).resolves.toEqual({ modelApi: { status: 'up' } });
  });
});
