import { afterAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { DriverError } from '../../src/drivers/driver-error.js';
import { LABEL_ID } from '../../src/drivers/docker/labels.js';
import { type BuildScript, idleSpec, ENGINES } from './docker-engine-harness.js';

describe.each(ENGINES)('images of the %s engine client', (_, make) => {
  const harness = make();
  const { images } = harness.runtime;
  const built: string[] = [];

  afterAll(() => harness.cleanUp([], built));

  async function build(
    script: BuildScript,
    signal?: AbortSignal,
  ): Promise<{ tag: string; output: string[]; failure: unknown }> {
    const tag = `devforge-contract/built:${randomUUID()}`;
    built.push(tag);
    const output: string[] = [];
    const request = {
      tag,
      target: 'wanted',
      context: harness.build(script),
      buildArgs: {},
      labels: { [LABEL_ID]: randomUUID() },
      onOutput: (line: string) => output.push(line),
      signal,
    };
    const failure = await images.build(request).then(
      () => undefined,
      (error: unknown) => error,
    );
    return { tag, output, failure };
  }

  it('are found when they exist', async () => {
    await expect(images.exists(harness.image)).resolves.toBe(true);
    await expect(images.exists(`devforge-contract/absent:${randomUUID()}`)).resolves.toBe(false);
  });

  it('are built up to the wanted target, with their output line by line', async () => {
    const { tag, output, failure } = await build({ lines: ['hello from the build', 'and again'], succeeds: true });
    expect(failure).toBeUndefined();
    expect(output).toEqual(expect.arrayContaining(['hello from the build', 'and again']));
    await expect(images.exists(tag)).resolves.toBe(true);
    await images.remove(tag);
    await expect(images.exists(tag)).resolves.toBe(false);
    await images.remove(tag);
  });

  it('fail to build with the last lines of output', async () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const { tag, failure } = await build({ lines, succeeds: false });
    expect(failure).toBeInstanceOf(DriverError);
    expect(failure).toMatchObject({
      code: 'build_failed',
      details: { output: expect.arrayContaining(['line 29', 'line 28']) },
    });
    expect((failure as DriverError).details.output?.length).toBeLessThanOrEqual(20);
    await expect(images.exists(tag)).resolves.toBe(false);
  });

  it('stop building when the signal aborts', async () => {
    const caller = new AbortController();
    const context = new Readable({ read: () => undefined });
    const request = {
      tag: `devforge-contract/never:${randomUUID()}`,
      target: 'wanted',
      context,
      buildArgs: {},
      labels: {},
      onOutput: () => undefined,
      signal: caller.signal,
    };
    setTimeout(() => caller.abort(), 100);
    await expect(images.build(request)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('fail to pull from a registry that does not answer', async () => {
    await expect(images.pull('127.0.0.1:1/devforge-contract/absent:1')).rejects.toMatchObject({
      name: 'DriverError',
      // Podman accepts the request and fails in its output.
      code: expect.stringMatching(/^(?:build_)?failed$/),
    });
  });
});

describe.each(ENGINES)('volumes and networks of the %s engine client', (_, make) => {
  const harness = make();
  const { containers, volumes, networks } = harness.runtime;
  const ids: string[] = [];

  afterAll(() => harness.cleanUp(ids, []));

  it('are created by mounting volumes, with their labels, and outlive the container', async () => {
    const { id, ...spec } = idleSpec(harness);
    ids.push(id);
    const volume = `devforge-${id}-workspace`;
    const labels = { [LABEL_ID]: id, 'devforge.role': 'workspace' };
    await expect(volumes.exists(volume)).resolves.toBe(false);
    await containers.create({ ...spec, mounts: [{ volume, target: '/workspace', labels }] });
    await expect(volumes.exists(volume)).resolves.toBe(true);
    await expect(volumes.list(`${LABEL_ID}=${id}`)).resolves.toEqual([{ name: volume, labels }]);
    await expect(volumes.list(`${LABEL_ID}=${randomUUID()}`)).resolves.toEqual([]);
    await containers.remove(spec.name);
    await expect(volumes.exists(volume)).resolves.toBe(true);
  });

  it('are removed unless a container uses the volume; already gone is success', async () => {
    const { id, ...spec } = idleSpec(harness);
    ids.push(id);
    const volume = `devforge-${id}-workspace`;
    await containers.create({ ...spec, mounts: [{ volume, target: '/workspace', labels: { [LABEL_ID]: id } }] });
    await expect(volumes.remove(volume)).rejects.toMatchObject({ code: 'conflict' });
    await containers.remove(spec.name);
    await volumes.remove(volume);
    await volumes.remove(volume);
    await expect(volumes.exists(volume)).resolves.toBe(false);
  });

  it('are created once by name, and not taken over from somebody else', async () => {
    const { id } = idleSpec(harness);
    ids.push(id);
    const volume = `devforge-${id}-state`;
    const labels = { [LABEL_ID]: id, 'devforge.role': 'workspace' };
    await Promise.all([volumes.ensure(volume, labels), volumes.ensure(volume, labels)]);
    await volumes.ensure(volume, labels);
    await expect(volumes.list(`${LABEL_ID}=${id}`)).resolves.toEqual([{ name: volume, labels }]);
    await expect(volumes.ensure(volume, { [LABEL_ID]: randomUUID() })).rejects.toMatchObject({ code: 'foreign' });
    await expect(volumes.list(`${LABEL_ID}=${id}`)).resolves.toEqual([{ name: volume, labels }]);
  });

  it('are created once per network name, for repeated and concurrent calls', async () => {
    const { id, ...spec } = idleSpec(harness);
    ids.push(id);
    const network = `devforge-contract-${id.slice(0, 8)}`;
    const ensure = (): Promise<void> => networks.ensureIsolatedBridge(network, { [LABEL_ID]: id });
    await Promise.all([ensure(), ensure(), ensure()]);
    await ensure();
    const { dockerId } = await containers.create({ ...spec, network });
    await containers.start(dockerId);
    const inspected = await containers.inspect(dockerId);
    expect(inspected?.addresses).toEqual({ [network]: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/) });
    await containers.remove(dockerId);
    await networks.remove(network);
    await networks.remove(network);
  });
});
