/** Outages of the engine and kills of the container while Claude Code executes an instruction. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { until } from '../support/e2e/until.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { type Instruction, seqsOf, range } from '../support/instructions/instructions-client.js';
import { expectCompleteRun, StepwiseModel, stepwisePrompt } from '../support/instructions/stepwise-model.js';

describe('an instruction during an outage of the engine', () => {
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
  afterEach(() => engine?.set('pass'));
  afterAll(async () => {
    await server?.dispose();
    await engine?.close();
  }, 120_000);

  const startTask = async (name: string, steps: number): Promise<Instruction> => {
    const { id } = await server.instructions.create(workspace.container.id, stepwisePrompt(name, steps, 0.5));
    return server.instructions.waitFor(id, 'to run', ({ lastSeq }) => lastSeq > 4);
  };
  const killContainer = () => server.engine.docker.getContainer(workspace.container.dockerId!).kill();

  it.each(['refuse', 'hang', 'fail'] as const)(
    'that answers with %s is followed again afterwards',
    async (mode) => {
      const { id } = await startTask(mode, 20);
      await engine.set(mode);
      await until('ten steps during the outage', () => model.requests.has(`${mode} 10`), 60_000);
      await engine.set('pass');
      await expectCompleteRun(server.instructions, { name: mode, steps: 20, id }, model);
    },
    120_000,
  );

  it('is resumed when the container is killed while DevForge is stopped', async () => {
    const before = await startTask('resumed', 8);
    await server.devforge.stop();
    await killContainer();
    await server.devforge.restart();
    const ended = await server.instructions.waitForEnd(before.id);
    expect(ended).toMatchObject({ status: 'succeeded', sessionId: before.sessionId, result: 'resumed is done' });
    const events = await server.instructions.events(before.id);
    expect(seqsOf(events)).toEqual(range(ended.lastSeq));
    expect(events.filter(({ event }) => event.type === 'system' && event.subtype === 'init')).toHaveLength(2);
    expect(new Set(events.map(({ event }) => event['uuid'])).size).toBe(events.length);
    expect(model.requests.get('resumed 0')).toBe(1);
  }, 120_000);

  it('fails when its container is killed while DevForge runs', async () => {
    const { id } = await startTask('killed', 1_000);
    await killContainer();
    await expect(server.instructions.waitForEnd(id)).resolves.toMatchObject({
      status: 'failed',
      statusReason: { code: 'container_stopped' },
    });
  }, 90_000);
});
