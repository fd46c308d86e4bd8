/** DevForge is killed while Claude Code executes instructions: they continue, and every event is stored once. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { seededRandom } from '../support/faults/random.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { expectCompleteRun, StepwiseModel, stepwisePrompt } from '../support/instructions/stepwise-model.js';

const KILLS = 30;
const CONTAINERS = 10;
const MAX_UPTIME_MS = 1_500;
/** Of ten kills, the number that take place before the server is ready. */
const EARLY_OF_TEN = 2;
const FIRST_STEPS = 15;
const STEP_SECONDS = 0.3;

interface Task {
  name: string;
  steps: number;
  workspace: number;
  id: string | undefined;
}

/**
 * Creates instructions on a server that may be killed at any moment. Each has an idempotency key, since a request
 * without a response is repeated.
 */
class Tasks {
  readonly all: Task[] = [];
  private readonly pending = new Set<Promise<void>>();
  private refusal: string | undefined;

  constructor(
    private readonly server: InstructionsServer,
    private readonly workspaces: Workspace[],
  ) {}

  post(workspace: number, steps: number): void {
    const task: Task = { name: `t${this.all.length}`, steps, workspace, id: undefined };
    this.all.push(task);
    this.send(task);
  }

  async settle(): Promise<void> {
    await until(
      'all instructions to be created',
      async () => {
        await Promise.all(this.pending);
        if (this.refusal !== undefined) return true;
        const open = this.all.filter(({ id }) => id === undefined);
        for (const task of open) this.send(task);
        return open.length === 0;
      },
      60_000,
    );
    expect(this.refusal).toBeUndefined();
  }

  private send(task: Task): void {
    const { container } = this.workspaces[task.workspace]!;
    const prompt = stepwisePrompt(task.name, task.steps, STEP_SECONDS);
    const sent = this.server.instructions.post(container.id, { prompt }, { 'idempotency-key': task.name }).then(
      ({ status, body }) => {
        if (status === 202) task.id = body.id;
        else if (status < 500) this.refusal = `${status} ${JSON.stringify(body)}`;
      },
      () => undefined,
    );
    this.pending.add(sent);
    void sent.finally(() => this.pending.delete(sent));
  }
}

describe('instructions of a server that is killed', () => {
  let server: InstructionsServer;

  beforeAll(async () => {
    server = await startInstructionsServer();
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 120_000);

  it(`${KILLS} SIGKILLs at random moments with ${CONTAINERS} busy containers lose and repeat no event and no prompt`, async () => {
    const random = seededRandom();
    process.stdout.write(`kill-instructions: DEVFORGE_FAULT_SEED=${random.seed}\n`);
    const workspaces = await Promise.all(
      Array.from({ length: CONTAINERS }, () => server.workspace({ cpuLimit: 1, memoryLimit: 512 })),
    );
    const models = workspaces.map(({ model }) => new StepwiseModel(model));
    const tasks = new Tasks(server, workspaces);
    for (const index of workspaces.keys()) tasks.post(index, FIRST_STEPS);
    await tasks.settle();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const [early, uptimeMs, workspace, steps] = [
        random.below(10) < EARLY_OF_TEN,
        random.below(MAX_UPTIME_MS),
        random.below(CONTAINERS),
        random.below(4),
      ];
      const starting = kill === 1 ? Promise.resolve() : server.devforge.restart();
      starting.catch(() => undefined);
      if (!early) {
        await starting;
        tasks.post(workspace, steps);
      }
      // The random moment of the kill is the test.
      await sleep(uptimeMs);
      await server.devforge.kill();
      await starting.catch(() => undefined);
    }
    await server.devforge.restart();
    await tasks.settle();

    const ended = await Promise.all(
      tasks.all.map((task) =>
        expectCompleteRun(server.instructions, { ...task, id: task.id! }, models[task.workspace]!),
      ),
    );
    for (const [index, { container }] of workspaces.entries()) {
      const mine = ended.filter(({ containerId }) => containerId === container.id);
      const listed = ok(await server.instructions.list(container.id)).items.toReversed();
      expect(listed.map(({ id }) => id).toSorted()).toEqual(mine.map(({ id }) => id).toSorted());
      // They ran in order and one at a time.
      for (const [before, next] of listed.slice(1).entries())
        expect(next.startedAt! >= listed[before]!.finishedAt!).toBe(true);
      expect([...models[index]!.requests.values()].every((times) => times === 1)).toBe(true);
    }
    await Promise.all(workspaces.map(({ container }) => server.api.remove(container.id)));
  }, 600_000);
});
