/** Two processes on one database: one executes an instruction, the other one reads, cancels and takes it over. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { type SecondServer, startSecondServer } from '../support/faults/second-server.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { InstructionsClient } from '../support/instructions/instructions-client.js';
import {
  expectCompleteRun,
  StepwiseModel,
  stepwisePrompt,
  type StepwiseTask,
} from '../support/instructions/stepwise-model.js';

const LEASE_MS = 15_000;

describe('instructions with two processes', () => {
  let first: InstructionsServer;
  let second: SecondServer;
  let viaFirst: InstructionsClient;
  let viaSecond: InstructionsClient;
  let workspace: Workspace;
  let model: StepwiseModel;

  beforeAll(async () => {
    first = await startInstructionsServer();
    second = await startSecondServer(first);
    viaFirst = first.instructions;
    viaSecond = new InstructionsClient(second.api, second.devforge.token);
    workspace = await first.workspace({ cpuLimit: 1, memoryLimit: 512 });
    model = new StepwiseModel(workspace.model);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await second?.end();
    await first?.dispose();
    await second?.dispose();
  }, 120_000);

  const create = async (name: string, steps: number, seconds: number): Promise<StepwiseTask> => {
    const { id } = await viaFirst.create(workspace.container.id, stepwisePrompt(name, steps, seconds));
    return { name, steps, id };
  };
  const waitUntilRunning = (id: string) => viaFirst.waitFor(id, 'to run', ({ lastSeq }) => lastSeq > 2);

  it('can be followed and cancelled through the process that does not execute them', async () => {
    const task = await create('watched', 4, 0.2);
    const events = await viaSecond.events(task.id, { follow: true });
    await expectCompleteRun(viaFirst, task, model);
    expect(events).toEqual(await viaFirst.events(task.id));
    const endless = await create('endless', 1_000, 0.2);
    await waitUntilRunning(endless.id);
    const cancelled = ok(await viaSecond.cancel(endless.id));
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    await expect(viaFirst.get(endless.id)).resolves.toMatchObject({ body: cancelled });
  }, 180_000);

  it('run in order when they were created through different processes', async () => {
    const earlier = await create('earlier', 3, 0.3);
    await waitUntilRunning(earlier.id);
    const { id } = await viaSecond.create(workspace.container.id, stepwisePrompt('after', 1, 0.1));
    const [before, after] = [
      await expectCompleteRun(viaFirst, earlier, model),
      await expectCompleteRun(viaFirst, { name: 'after', steps: 1, id }, model),
    ];
    expect(after.startedAt! >= before.finishedAt!).toBe(true);
  }, 180_000);

  it('are taken over within seconds from a process that was killed', async () => {
    const task = await create('taken-over', 15, 0.5);
    await waitUntilRunning(task.id);
    await first.devforge.kill();
    const killedAt = Date.now();
    const { lastSeq } = ok(await viaSecond.get(task.id));
    await viaSecond.waitFor(task.id, 'to continue', (present) => present.lastSeq > lastSeq + 1, 20_000);
    // The end of the process is detected long before its lease expires.
    expect(Date.now() - killedAt).toBeLessThan(LEASE_MS / 2);
    await first.devforge.restart();
    await expectCompleteRun(viaFirst, task, model);
  }, 90_000);

  it('are taken over from a process that was frozen, whose later writes are refused', async () => {
    const task = await create('frozen', 60, 0.4);
    await waitUntilRunning(task.id);
    // Either process may execute it.
    const before = ok(await viaSecond.get(task.id)).lastSeq;
    first.devforge.freeze(true);
    await viaSecond.waitFor(
      task.id,
      'to continue in the second process',
      ({ lastSeq }) => lastSeq > before + 8,
      LEASE_MS + 15_000,
    );
    first.devforge.freeze(false);
    second.devforge.freeze(true);
    await viaFirst.waitFor(
      task.id,
      'to continue in the first process',
      ({ lastSeq }) => lastSeq > before + 16,
      LEASE_MS + 15_000,
    );
    second.devforge.freeze(false);
    await expectCompleteRun(viaFirst, task, model);
  }, 180_000);
});
