import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { NO_SECRETS, type EgressDenial, type WorkspaceEgress } from '../../src/drivers/workspace-egress.js';
import type { WorkspaceRef, WorkspaceSpec } from '../../src/drivers/workspace.js';
import { until } from './docker-engine-harness.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, idleSpec } from './workspace-driver-harness.js';

const { signal } = new AbortController();
const RESTRICTED: WorkspaceEgress = { mode: 'restricted', allow: [{ host: 'a.example.org', ports: [443] }] };

describe.each(DRIVERS)('egress of the %s driver', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const ids: string[] = [];

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
  afterAll(async () => {
    for (const id of ids) await driver.remove(id, { keepData: false });
    await harness.cleanUp(ids);
  });

  function spec(egress: WorkspaceEgress): WorkspaceSpec {
    const made = idleSpec(harness, { egress });
    ids.push(made.id);
    return made;
  }

  async function running(wanted: WorkspaceSpec): Promise<WorkspaceRef> {
    const ref = await driver.ensure(wanted, () => undefined, signal);
    await driver.start(ref);
    return ref;
  }

  /** Follows the denials of one workspace until `stop`. */
  async function denialsOf(id: string, after = 0): Promise<{ denials: EgressDenial[]; stop: () => Promise<void> }> {
    const denials: EgressDenial[] = [];
    const stopped = new AbortController();
    let watching: Promise<void> = Promise.resolve();
    await new Promise<void>((onReady, reject) => {
      const onDenial = (denial: EgressDenial): void => void (denial.id === id && denials.push(denial));
      watching = driver.watchDenials(
        { after: new Map([[id, after]]), onDenial, onSpend: () => undefined, onModelProblem: () => undefined, onReady },
        stopped.signal,
      );
      watching.catch(reject);
    });
    const stop = async (): Promise<void> => {
      stopped.abort();
      await watching;
    };
    return { denials, stop };
  }

  it('can restrict what workspaces reach', () => {
    expect(driver.capabilities.fence).toBe(true);
  });

  it('gives a restricted workspace no address, and an open one its own', async () => {
    await expect(driver.address(await running(spec(RESTRICTED)))).resolves.toBeNull();
    await expect(driver.address(await running(spec({ mode: 'open', allow: [] })))).resolves.not.toBeNull();
  });

  it('takes the address of a workspace that is restricted while it runs, and keeps it away at the next start', async () => {
    const wanted = spec({ mode: 'open', allow: [] });
    const ref = await running(wanted);
    await driver.setEgress(ref.id, RESTRICTED);
    await expect(driver.address(ref)).resolves.toBeNull();
    await driver.stop(ref.id, 1);
    const again = await driver.startAgain(ref, { ...wanted, egress: RESTRICTED }, signal);
    await expect(driver.address(again)).resolves.toBeNull();
    await driver.setEgress(ref.id, wanted.egress);
    await driver.stop(ref.id, 1);
    await expect(driver.address(await driver.startAgain(again, wanted, signal))).resolves.not.toBeNull();
  });

  it('reports refused connections in order, each once, from where the receiver was', async () => {
    const ref = await running(spec(RESTRICTED));
    const first = await denialsOf(ref.id);
    await harness.connect(ref, 'b.example.org', 443);
    await until(() => first.denials.length === 1);
    await first.stop();
    await harness.connect(ref, 'c.example.org', 8443);
    const second = await denialsOf(ref.id, 1);
    await harness.connect(ref, 'd.example.org', 443);
    await until(() => second.denials.length === 2);
    await second.stop();
    const seen = [...first.denials, ...second.denials];
    expect(seen.map(({ seq, host, port, reason, attempts }) => [seq, host, port, reason, attempts])).toEqual([
      [1, 'b.example.org', 443, 'not_allowed', 1],
      [2, 'c.example.org', 8443, 'not_allowed', 1],
      [3, 'd.example.org', 443, 'not_allowed', 1],
    ]);
    expect(seen.every(({ at }) => Math.abs(at.getTime() - Date.now()) < 60_000)).toBe(true);
  });

  it('takes secrets of a workspace, and nothing for one that is not there', async () => {
    const ref = await driver.ensure(spec(RESTRICTED), () => undefined, signal);
    await driver.setSecrets(ref.id, { ...NO_SECRETS, git: [{ host: 'a.example.org', username: 'u', token: 't' }] });
    const absent = randomUUID();
    await expect(driver.setSecrets(absent, NO_SECRETS)).rejects.toMatchObject({ code: 'not_found' });
    await expect(driver.setEgress(absent, RESTRICTED)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('knows nothing of the package managers of an image that is not there', async () => {
    await expect(driver.packageRules(`devforge-contract/absent:${randomUUID()}`)).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('is away with its engine', async () => {
    const { away } = harness;
    const watch = {
      after: new Map<string, number>(),
      onDenial: () => undefined,
      onSpend: () => undefined,
      onModelProblem: () => undefined,
      onReady: () => undefined,
    };
    await expect(away.setEgress(randomUUID(), RESTRICTED)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(away.setSecrets(randomUUID(), NO_SECRETS)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(away.watchDenials(watch, signal)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(away.packageRules(harness.image)).rejects.toMatchObject({ code: 'unavailable' });
  });
});
