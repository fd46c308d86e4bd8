import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import type { ContainerLeases } from '../../leases/container-leases.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { TransitionOptions, ContainerStore } from '../lifecycle/container-store.js';
import { ContainerPower } from '../lifecycle/container-power.js';
import type { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { AutoStop } from './auto-stop.js';
import type { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import type { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
import type { ReprovisionService } from '../lifecycle/reprovision.service.js';
import type { ContainerActivity } from './container-activity.js';
import type { ContainerObservations } from './container-observations.js';
import type { Verdict } from './idleness.js';

const SINCE = new Date('2026-01-01T10:00:00Z');
const IDLE: Verdict = { kind: 'idle', since: SINCE };

describe('AutoStop', () => {
  let rows: ContainerRow[];
  /** In turn; the last one stays. */
  let verdicts: Verdict[];
  let asked: TransitionOptions[];
  let stopped: string[];
  let noted: string[];
  let wasUsed: boolean;
  let autoStop: AutoStop;

  beforeEach(() => {
    rows = [containerRow({ idleStopMinutes: 30, ttlMinutes: 120 })];
    [verdicts, asked, stopped, noted, wasUsed] = [[IDLE], [], [], [], false];
    const containers = {
      listStoppingByThemselves: async () => rows,
      findById: async (id: string) => rows.find((row) => row.id === id) ?? null,
    };
    const observations = { judge: async () => (verdicts.length > 1 ? verdicts.shift()! : verdicts[0]!) };
    const store = {
      tryTransition: async (id: string, to: string, options: TransitionOptions) => {
        asked.push(options);
        return wasUsed ? null : containerRow({ id, status: to as 'stopping' });
      },
      transition: async (id: string) => containerRow({ id, status: 'stopped' }),
    };
    const driver = { stop: async (id: string) => void stopped.push(id) };
    const leases = { tryWithLease: async (_: string, work: (held: object) => Promise<void>) => work({ lease: {} }) };
    const logger = quietLogger();
    autoStop = new AutoStop(
      containers as unknown as ContainersRepository,
      observations as unknown as ContainerObservations,
      { note: (_: string, kind: string) => void noted.push(kind) } as unknown as ContainerActivity,
      leases as unknown as ContainerLeases,
      new ContainerPower(
        driver as unknown as WorkspaceDriver,
        {} as WorkspaceSpecs,
        {} as WorkspaceSecretsPublisher,
        store as unknown as ContainerStore,
        {} as ReprovisionService,
        new FakeClock(),
      ),
      new FakeClock(),
      logger,
    );
  });

  it('stops an idle container with the reason, unless it was used since', async () => {
    await autoStop.check();
    expect(asked).toEqual([
      {
        lease: {},
        reason: { code: 'idle', message: expect.stringContaining('30 minutes') },
        patch: { desiredRunning: false },
        quietSince: SINCE,
      },
    ]);
    expect(stopped).toEqual([rows[0]!.id]);
    wasUsed = true;
    await autoStop.check();
    expect(stopped).toHaveLength(1);
  });

  it('stops one whose agent has waited for too long, unless it was used since', async () => {
    rows = [containerRow({ waitingStopMinutes: 1 })];
    verdicts = [{ kind: 'waiting', until: SINCE }];
    await autoStop.check();
    expect([noted, asked]).toEqual([[], []]);
    verdicts = [{ kind: 'waited', since: SINCE }];
    await autoStop.check();
    expect(asked).toMatchObject([
      { reason: { code: 'waiting', message: expect.stringContaining('1 minute ') }, quietSince: SINCE },
    ]);
  });

  it('judges once more under the lease', async () => {
    verdicts = [IDLE, { kind: 'active', activity: 'agent' }];
    await autoStop.check();
    expect(asked).toEqual([]);
  });

  it('stops one whose time is over, used or not', async () => {
    verdicts = [{ kind: 'expired' }];
    await autoStop.check();
    expect(asked[0]).toMatchObject({ reason: { code: 'ttl_expired' } });
    expect(asked[0]).not.toHaveProperty('quietSince');
  });

  it('records what it sees at work, and leaves alone what it does not know', async () => {
    verdicts = [{ kind: 'active', activity: 'processes' }, { kind: 'unknown' }, { kind: 'quiet', since: SINCE }];
    for (let at = 0; at < 3; at++) await autoStop.check();
    expect([noted, asked]).toEqual([['processes'], []]);
  });

  it('goes on to the others when one cannot be stopped', async () => {
    const [first, second] = [containerRow(), containerRow()];
    rows = [first, second];
    const failing = { id: first.id };
    autoStop = Object.assign(autoStop, {
      leases: {
        tryWithLease: async (id: string, work: (held: object) => Promise<void>) => {
          if (id === failing.id) throw new Error('the engine is away');
          await work({ lease: {} });
        },
      },
    });
    await autoStop.check();
    expect(stopped).toEqual([second.id]);
  });
});
