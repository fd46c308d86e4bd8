/** The engine, or the container under it, goes away while Claude Code works. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineProxy } from '../support/e2e/engine-proxy.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { type Instruction, seqsOf, range } from '../support/instructions/instructions-client.js';
import { expectCompleteRun, StepwiseModel, stepwisePrompt } from '../support/instructions/stepwise-model.js';

const AWAY_MS = 6_000;

describe('the engine goes away under instructions', () => {
  let server: InstructionsServer;
  let engine: EngineProxy;
  let workspace: Workspace;
  let model: StepwiseModel;

  beforeAll(async () => {
    engine = await EngineProxy.start();
    server = await startInstructionsServer(engine.env);
    workspace = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
    model = new StepwiseModel(workspace.model);
  }, IMAGE_BUILD_MS);
  afterEach(() => engine.set('pass'));
  afterAll(async () => {
    await server?.dispose();
    await engine?.close();
  }, 120_000);

  const atWork = async (name: string, steps: number): Promise<Instruction> => {
    const { id } = await server.instructions.create(workspace.container.id, stepwisePrompt(name, steps, 0.5));
    return server.instructions.waitFor(id, 'runs', ({ lastSeq }) => lastSeq > 4);
  };
  const killAtEngine = () => server.engine.docker.getContainer(workspace.container.dockerId!).kill();

  it.each(['refuse', 'hang', 'fail'] as const)(
    'and comes back (%s): the run is found again',
    async (mode) => {
      const { id } = await atWork(mode, 20);
      await engine.set(mode);
      await sleep(AWAY_MS);
      await engine.set('pass');
      await expectCompleteRun(server.instructions, { name: mode, steps: 20, id }, model);
    },
    120_000,
  );

  it('with the container, while DevForge is away: the run is resumed where it was', async () => {
    const before = await atWork('resumed', 8);
    await server.devforge.stop();
    await killAtEngine();
    await server.devforge.restart();
    const ended = await server.instructions.waitForEnd(before.id);
    expect(ended).toMatchObject({ status: 'succeeded', sessionId: before.sessionId, result: 'resumed is done' });
    const events = await server.instructions.events(before.id);
    expect(seqsOf(events)).toEqual(range(ended.lastSeq));
    expect(events.filter(({ event }) => event.type === 'system' && event.subtype === 'init')).toHaveLength(2);
    expect(new Set(events.map(({ event }) => event['uuid'])).size).toBe(events.length);
    expect(model.asked.get('resumed 0')).toBe(1);
  }, 120_000);

  it('not, but the container ends by itself: the run fails with it', async () => {
    const { id } = await atWork('killed', 1_000);
    await killAtEngine();
    await expect(server.instructions.waitForEnd(id)).resolves.toMatchObject({
      status: 'failed',
      statusReason: { code: 'container_stopped' },
    });
  }, 90_000);
});
