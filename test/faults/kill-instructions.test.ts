/** DevForge dies while Claude Code works: the work goes on, and every event of it is told once. */
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
const AT_ONCE = 10;
const LONGEST_LIFE_MS = 1_500;
/** Of ten kills, so many come before the server is ready. */
const EARLY_OF_TEN = 2;
const FIRST_STEPS = 15;
const STEP_SECONDS = 0.3;

interface Wish {
  name: string;
  steps: number;
  workspace: number;
  id: string | undefined;
}

/** Asks for work from a server that may die at any moment: under a key, since an answer that never comes leaves open whether it was taken. */
class Wishes {
  readonly all: Wish[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private refusal: string | undefined;

  constructor(
    private readonly server: InstructionsServer,
    private readonly workspaces: Workspace[],
  ) {}

  post(workspace: number, steps: number): void {
    const wish: Wish = { name: `w${this.all.length}`, steps, workspace, id: undefined };
    this.all.push(wish);
    this.ask(wish);
  }

  async settle(): Promise<void> {
    await until(
      'all are accepted',
      async () => {
        await Promise.all(this.underWay);
        if (this.refusal !== undefined) return true;
        const open = this.all.filter(({ id }) => id === undefined);
        for (const wish of open) this.ask(wish);
        return open.length === 0;
      },
      60_000,
    );
    expect(this.refusal).toBeUndefined();
  }

  private ask(wish: Wish): void {
    const { container } = this.workspaces[wish.workspace]!;
    const prompt = stepwisePrompt(wish.name, wish.steps, STEP_SECONDS);
    const asked = this.server.instructions.post(container.id, { prompt }, { 'idempotency-key': wish.name }).then(
      ({ status, body }) => {
        if (status === 202) wish.id = body.id;
        else if (status < 500) this.refusal = `${status} ${JSON.stringify(body)}`;
      },
      () => undefined,
    );
    this.underWay.add(asked);
    void asked.finally(() => this.underWay.delete(asked));
  }
}

describe('instructions outlive DevForge', () => {
  let server: InstructionsServer;

  beforeAll(async () => {
    server = await startInstructionsServer();
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 120_000);

  it(`${KILLS} SIGKILLs at random moments, ${AT_ONCE} containers at work: no event lost or doubled, no prompt run twice`, async () => {
    const random = seededRandom();
    process.stdout.write(`kill-instructions: DEVFORGE_FAULT_SEED=${random.seed}\n`);
    const workspaces = await Promise.all(
      Array.from({ length: AT_ONCE }, () => server.workspace({ cpuLimit: 1, memoryLimit: 512 })),
    );
    const models = workspaces.map(({ model }) => new StepwiseModel(model));
    const wishes = new Wishes(server, workspaces);
    for (const index of workspaces.keys()) wishes.post(index, FIRST_STEPS);
    await wishes.settle();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const [early, lifeMs, workspace, steps] = [
        random.below(10) < EARLY_OF_TEN,
        random.below(LONGEST_LIFE_MS),
        random.below(AT_ONCE),
        random.below(4),
      ];
      const starting = kill === 1 ? Promise.resolve() : server.devforge.restart();
      starting.catch(() => undefined);
      if (!early) {
        await starting;
        wishes.post(workspace, steps);
      }
      await sleep(lifeMs);
      await server.devforge.kill();
      await starting.catch(() => undefined);
    }
    await server.devforge.restart();
    await wishes.settle();

    const ended = await Promise.all(
      wishes.all.map((wish) =>
        expectCompleteRun(server.instructions, { ...wish, id: wish.id! }, models[wish.workspace]!),
      ),
    );
    for (const [index, { container }] of workspaces.entries()) {
      const mine = ended.filter(({ containerId }) => containerId === container.id);
      const listed = ok(await server.instructions.list(container.id)).items.toReversed();
      expect(listed.map(({ id }) => id).toSorted()).toEqual(mine.map(({ id }) => id).toSorted());
      // In order, one at a time.
      for (const [before, next] of listed.slice(1).entries())
        expect(next.startedAt! >= listed[before]!.finishedAt!).toBe(true);
      expect([...models[index]!.asked.values()].every((times) => times === 1)).toBe(true);
    }
    await Promise.all(workspaces.map(({ container }) => server.api.remove(container.id)));
  }, 600_000);
});
