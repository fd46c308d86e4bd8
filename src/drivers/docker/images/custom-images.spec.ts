import { beforeEach, describe, expect, it } from '@jest/globals';
import { text } from 'node:stream/consumers';
import { quietLogger } from '../../../../test/support/quiet-logger.js';
import type { Settings } from '../../../config/settings.js';
import { LABEL_PROGRAMS_OF } from '../labels.js';
import type { ArchivedFile } from '../engine/engine-client.js';
import { FakeEngineClient } from '../engine/fake/fake-engine-client.js';
import { CustomImages } from './custom-images.js';
import { WorkspaceImages } from './workspace-images.js';

const NEVER = new AbortController().signal;
const silent = (): void => undefined;
const FILE: ArchivedFile = { kind: 'file', content: Buffer.alloc(0), target: null };
const SUITABLE = { '/bin/sh': FILE, '/bin/bash': FILE, '/lib64/ld-linux-x86-64.so.2': FILE };

describe('CustomImages', () => {
  let engine: FakeEngineClient;
  let images: CustomImages;

  beforeEach(() => {
    engine = new FakeEngineClient();
    engine.images.add('debian:base');
    const locks = { withLock: <Result>(_: string, work: () => Promise<Result>) => work() };
    const settings = { baseImage: 'debian:base' } as Settings;
    images = new CustomImages(engine, new WorkspaceImages(settings, engine, locks, quietLogger()));
  });

  const addTheirs = (name: string, details: Parameters<FakeEngineClient['images']['add']>[1] = {}): void => {
    engine.images.add(name, { id: `id-of-${name}`, ...details });
    engine.containers.files.set(`id-of-${name}`, SUITABLE);
  };
  const ensure = (request: Omit<Parameters<CustomImages['ensure']>[0], 'template'>): Promise<string> =>
    images.ensure({ template: 'claude', ...request }, silent, NEVER);
  const tags = (): string[] => engine.images.builds.map(({ tag }) => tag.replace(/:.*/, ''));
  /** The Dockerfile of the last build, in the middle of its tar. */
  const lastDockerfile = async (): Promise<string> => text(engine.images.builds.at(-1)!.context);

  it('is the image of the template when nothing else is asked for', async () => {
    await expect(ensure({})).resolves.toMatch(/^devforge\/workspace-claude:/);
  });

  it('lays the programs of a template over an image once, and over another one without building them again', async () => {
    addTheirs('one');
    addTheirs('two');
    const first = await ensure({ image: 'one' });
    expect(first).toMatch(/^devforge\/image-claude:[0-9a-f]{16}$/);
    expect(tags()).toEqual(['devforge/workspace-claude', 'devforge/tools-claude', 'devforge/image-claude']);
    await expect(ensure({ image: 'one' })).resolves.toBe(first);
    expect(engine.images.builds).toHaveLength(3);
    await expect(ensure({ image: 'two' })).resolves.not.toBe(first);
    expect(engine.images.builds).toHaveLength(4);
  });

  it('is the same for two names of one image, and another one when the name means another image', async () => {
    addTheirs('one');
    const first = await ensure({ image: 'one' });
    engine.images.add('alias', { id: 'id-of-one' });
    await expect(ensure({ image: 'alias' })).resolves.toBe(first);
    engine.images.add('one', { id: 'moved' });
    engine.containers.files.set('moved', SUITABLE);
    await expect(ensure({ image: 'one' })).resolves.not.toBe(first);
  });

  it('keeps the environment and the path of the image, and says whose programs were laid over it', async () => {
    addTheirs('one', { env: { PATH: '/opt/go/bin:/usr/bin', LANG: 'de_DE.UTF-8', LD_PRELOAD: '/evil.so', A: 'b' } });
    const reference = await ensure({ image: 'one' });
    const { labels } = (await engine.images.inspect(reference))!;
    expect(labels[LABEL_PROGRAMS_OF]).toMatch(/^devforge\/workspace-claude:/);
    const dockerfile = await lastDockerfile();
    expect(dockerfile).toContain('FROM id-of-one\nCOPY --from=devforge/tools-claude:');
    expect(dockerfile).toContain('ENV PATH="/opt/go/bin:/usr/bin:/usr/local/sbin:');
    expect(dockerfile).toContain(' LD_PRELOAD=""');
    expect(dockerfile).not.toMatch(/ (?:LANG|A)=/);
  });

  it.each([
    ['declares volumes', { volumes: ['/data'] }],
    ['has triggers', { hasTriggers: true }],
  ])('copies an image that %s, so that a container has no part in them', async (_, details) => {
    addTheirs('one', { env: { A: 'a "quoted" $value', LINES: 'a\nb' }, ...details });
    await ensure({ image: 'one' });
    const dockerfile = await lastDockerfile();
    expect(dockerfile).toContain('FROM scratch\nCOPY --from=id-of-one / /\n');
    expect(dockerfile).toContain(String.raw`ENV A="a \"quoted\" \$value"`);
    expect(dockerfile).not.toContain('LINES');
  });

  it('installs packages in an image once, whatever their order is', async () => {
    const first = await ensure({ packages: ['make', 'gcc', 'make'] });
    expect(first).toMatch(/^devforge\/packages-claude:/);
    await expect(ensure({ packages: ['gcc', 'make'] })).resolves.toBe(first);
    expect(tags()).toEqual(['devforge/workspace-claude', 'devforge/packages-claude']);
    expect(engine.images.builds[1]).toMatchObject({ limits: { cpuLimit: 2, memoryLimit: 2_048 } });
    await expect(ensure({ packages: ['gcc'] })).resolves.not.toBe(first);
  });

  it('says which package there is not, and tries again when the network failed', async () => {
    await ensure({});
    let output = ['E: Unable to locate package nonsense'];
    engine.images.onBuild = ({ onOutput }) => {
      for (const line of output) onOutput(line);
      return false;
    };
    await expect(ensure({ packages: ['nonsense'] })).rejects.toMatchObject({
      code: 'packages_not_installed',
      message: 'The packages (nonsense) cannot be installed: E: Unable to locate package nonsense',
      retryable: false,
    });
    output = ['E: Failed to fetch https://example.org/'];
    await expect(ensure({ packages: ['nonsense'] })).rejects.toMatchObject({ retryable: true });
  });

  it('ends a build that nobody waits for any more, and begins it again for the next one', async () => {
    await ensure({});
    const caller = new AbortController();
    const aborted = new Promise<void>((resolve) => {
      engine.images.onBuild = ({ signal }) => {
        signal!.addEventListener('abort', () => resolve());
        caller.abort();
        return new Promise(() => undefined);
      };
    });
    const waiting = images.ensure({ template: 'claude', packages: ['gcc'] }, silent, caller.signal);
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await aborted;
    engine.images.onBuild = () => true;
    await expect(ensure({ packages: ['gcc'] })).resolves.toMatch(/^devforge\/packages-claude:/);
  });
});
