import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { LIMITS } from '../common/limits.js';
import { EngineMonitor } from '../drivers/engine-monitor.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import { DomainEvents } from '../events/domain-events.js';
import { MachineLimits } from '../workspace/machine-limits.js';
import { InfoController } from './info.controller.js';

describe('InfoController', () => {
  let driver: FakeWorkspaceDriver;
  let monitor: EngineMonitor;
  let controller: InfoController;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    monitor = new EngineMonitor(driver, new DomainEvents(quietLogger()), new FakeClock(), quietLogger());
    controller = new InfoController(driver, monitor, new MachineLimits(monitor));
  });

  it('shows the version of the package, and what the driver reports', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    driver.engine = { ...driver.engine, version: '29.0.1', cpus: 12, memoryMiB: 31_999 };
    driver.capabilities = {
      pause: false,
      snapshot: true,
      hardDiskLimit: true,
      fence: false,
      resourceLimits: false,
      customImages: false,
    };
    await expect(controller.get()).resolves.toEqual({
      version,
      engine: { kind: 'docker', name: 'Docker', version: '29.0.1' },
      capabilities: driver.capabilities,
      limits: expect.objectContaining({
        cpuLimit: { min: 0.1, max: 12 },
        memoryLimit: { min: 128, max: 31_999 },
        promptBytes: 200_000,
      }),
    });
  });

  it('shows no engine version while the engine does not answer', async () => {
    driver.faults.goAway();
    await expect(controller.get()).resolves.toMatchObject({
      engine: { kind: 'docker', name: null, version: null },
      limits: LIMITS,
    });
  });

  it('does not wait longer than a second for an engine that hangs', async () => {
    jest.useFakeTimers();
    try {
      jest.spyOn(monitor, 'info').mockReturnValue(new Promise(() => undefined));
      const answer = controller.get();
      await jest.advanceTimersByTimeAsync(1_000);
      await expect(answer).resolves.toMatchObject({ engine: { version: null } });
    } finally {
      jest.useRealTimers();
    }
  });
});
