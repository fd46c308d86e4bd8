import { afterAll, describe, expect, it } from '@jest/globals';
import { EngineClient, type EngineEvent } from '../../src/drivers/docker/engine/engine-client.js';
import { LABEL_ID } from '../../src/drivers/docker/labels.js';
import { exits, following, idleSpec, ENGINES, until } from './docker-engine-harness.js';

describe.each(ENGINES)('events of the %s engine client', (_, make) => {
  const harness = make();
  const { containers } = harness.runtime;
  const ids: string[] = [];

  afterAll(() => harness.cleanUp(ids, []));

  it("report what happens to DevForge's containers, with their labels", async () => {
    const { id, ...spec } = idleSpec(harness, exits(5));
    ids.push(id);
    const { events, stop } = await following(harness.runtime);
    const ours = (): EngineEvent[] => events.filter(({ labels }) => labels[LABEL_ID] === id);
    const before = Date.now() - 1_000;
    const { dockerId } = await containers.create(spec);
    await containers.start(dockerId);
    await until(() => ours().some(({ action }) => action === 'die'));
    await containers.remove(dockerId);
    await until(() => ours().some(({ action }) => action === 'destroy'));
    await stop();

    expect(
      ours()
        .map(({ action }) => action)
        .filter((action) => ['start', 'die', 'destroy'].includes(action)),
    ).toEqual(['start', 'die', 'destroy']);
    expect(ours().every((event) => event.dockerId === dockerId && event.at.getTime() > before)).toBe(true);
    expect(ours().find(({ action }) => action === 'die')?.labels['exitCode']).toBe('5');
  });

  it('leave out containers that DevForge did not create', async () => {
    const { id, name } = idleSpec(harness);
    const marker = idleSpec(harness);
    ids.push(id, marker.id);
    const { events, stop } = await following(harness.runtime);
    await harness.createForeign(name);
    await containers.create(marker);
    await until(() => events.some(({ labels }) => labels[LABEL_ID] === marker.id));
    await stop();
    expect(events.some(({ labels }) => labels['name'] === name)).toBe(false);
  });

  it('end without an error when the signal aborts', async () => {
    const { events, stop } = await following(harness.runtime);
    await expect(stop()).resolves.toBeUndefined();
    const seen = events.length;
    const { id, ...spec } = idleSpec(harness);
    ids.push(id);
    await containers.create(spec);
    expect(events).toHaveLength(seen);
  });
});

describe.each(ENGINES)('the %s engine client while the engine is away', (_, make) => {
  const harness = make();
  const { away } = harness;

  it('is told apart from an available engine', async () => {
    await expect(harness.runtime.system.ping()).resolves.toBeUndefined();
    await expect(harness.runtime.system.info()).resolves.toMatchObject({
      name: expect.stringMatching(/^(?:Docker|Podman)$/),
      version: expect.stringMatching(/^\d+\.\d+/),
      cpus: expect.any(Number),
      memoryMiB: expect.any(Number),
    });
  });

  const calls: [string, (runtime: EngineClient) => Promise<unknown>][] = [
    ['ping', ({ system: engine }) => engine.ping()],
    ['info', ({ system: engine }) => engine.info()],
    [
      'watch',
      ({ system: engine }) =>
        engine.watch(
          () => undefined,
          new AbortController().signal,
          () => undefined,
        ),
    ],
    ['create', ({ containers }) => containers.create(idleSpec(harness))],
    ['start', ({ containers }) => containers.start('x')],
    ['stop', ({ containers }) => containers.stop('x', 1)],
    ['pause', ({ containers }) => containers.pause('x')],
    ['unpause', ({ containers }) => containers.unpause('x')],
    ['remove', ({ containers }) => containers.remove('x')],
    ['inspect', ({ containers }) => containers.inspect('x')],
    ['list', ({ containers }) => containers.list(LABEL_ID)],
    ['exec', ({ containers }) => containers.exec('x', { argv: ['true'], timeoutMs: 1_000 })],
    ['diskFootprint', ({ containers }) => containers.diskFootprint('x')],
    ['update', ({ containers }) => containers.update('x', { cpuLimit: 1, memoryLimit: 128 })],
    ['changedPaths', ({ containers }) => containers.changedPaths('x')],
    ['readFolder', ({ containers }) => containers.readFolder('x', '/etc')],
    ['volume sizes', ({ system }) => system.volumeBytes()],
    ['image exists', ({ images }) => images.exists('x')],
    ['image pull', ({ images }) => images.pull('x')],
    [
      'image build',
      ({ images }) =>
        images.build({
          tag: 'x',
          target: 'wanted',
          context: harness.build({ lines: ['x'], succeeds: true }),
          buildArgs: {},
          labels: {},
          onOutput: () => undefined,
        }),
    ],
    ['image remove', ({ images }) => images.remove('x')],
    ['volume list', ({ volumes }) => volumes.list(LABEL_ID)],
    ['volume exists', ({ volumes }) => volumes.exists('x')],
    ['volume ensure', ({ volumes }) => volumes.ensure('x', {})],
    ['volume remove', ({ volumes }) => volumes.remove('x')],
    ['network ensure', ({ networks }) => networks.ensureIsolatedBridge('x', {})],
    ['network remove', ({ networks }) => networks.remove('x')],
  ];

  it.each(calls)('rejects with unavailable, never as if something was absent: %s', async (_name, call) => {
    await expect(call(away)).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
  });
});
