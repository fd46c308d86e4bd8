import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { quietLogger } from '../../../../test/support/quiet-logger.js';
import type { Settings } from '../../../config/settings.js';
import { Locks } from '../../../persistence/locks.js';
import { FakeEngineClient } from '../engine/fake/fake-engine-client.js';
import { WorkspaceImages } from './workspace-images.js';

const BASE = 'debian:bookworm-slim';
const NEVER = new AbortController().signal;
const silent = (): void => undefined;

/** The locks of one database, shared by all processes that use it. */
class SharedLocks extends Locks {
  private last: Promise<unknown> = Promise.resolve();

  withLock<Result>(_name: string, work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}

describe('WorkspaceImages', () => {
  let folder: string;
  let runtime: FakeEngineClient;
  let locks: SharedLocks;

  const images = (settings: Partial<Settings> = {}): WorkspaceImages =>
    new WorkspaceImages(
      { baseImage: BASE, extraCaCerts: undefined, ...settings } as Settings,
      runtime,
      locks,
      quietLogger(),
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-images-'));
    runtime = new FakeEngineClient();
    runtime.images.add(BASE);
    locks = new SharedLocks();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('builds a missing image for its template, and finds it afterwards', async () => {
    const reference = await images().ensure('claude', silent, NEVER);
    expect(reference).toMatch(/^devforge\/workspace-claude:[0-9a-f]{16}$/);
    await expect(images().ensure('claude', silent, NEVER)).resolves.toBe(reference);
    expect(runtime.images.builds.map(({ tag, target, buildArgs }) => ({ tag, target, buildArgs }))).toEqual([
      { tag: reference, target: 'claude', buildArgs: { BASE_IMAGE: BASE } },
    ]);
  });

  it('shares one build, and its progress, between concurrent callers', async () => {
    runtime.images.onBuild = async ({ onOutput }) => {
      await delay(30);
      onOutput('Step 3/4 : RUN something');
      return true;
    };
    const received: string[][] = [[], []];
    const one = images();
    const [first, second] = await Promise.all(
      received.map((lines) => one.ensure('both', ({ percent, line }) => lines.push(`${percent} ${line}`), NEVER)),
    );
    expect(first).toBe(second);
    expect(runtime.images.builds).toHaveLength(1);
    expect(received).toEqual([['50 Step 3/4 : RUN something'], ['50 Step 3/4 : RUN something']]);
  });

  it('builds once for two processes at the same time', async () => {
    await Promise.all([images().ensure('both', silent, NEVER), images().ensure('both', silent, NEVER)]);
    expect(runtime.images.builds).toHaveLength(1);
  });

  it('changes the tag with the template, the base image and the certificate bundle, and nothing else', async () => {
    const bundle = join(folder, 'bundle.pem');
    await writeFile(bundle, 'one');
    const plain = await images().ensure('claude', silent, NEVER);
    runtime.images.add('debian:other');
    const others = [
      await images().ensure('both', silent, NEVER),
      await images({ baseImage: 'debian:other' }).ensure('claude', silent, NEVER),
      await images({ extraCaCerts: bundle }).ensure('claude', silent, NEVER),
    ];
    const copy = join(folder, 'copy.pem');
    await writeFile(copy, 'one');
    await expect(images({ extraCaCerts: copy }).ensure('claude', silent, NEVER)).resolves.toBe(others[2]);
    await writeFile(bundle, 'changed');
    others.push(await images({ extraCaCerts: bundle }).ensure('claude', silent, NEVER));
    expect(new Set([plain, ...others]).size).toBe(5);
    expect(runtime.images.builds).toHaveLength(5);
  });

  it('notices a certificate bundle that changes while the process runs', async () => {
    const bundle = join(folder, 'bundle.pem');
    await writeFile(bundle, 'one');
    const one = images({ extraCaCerts: bundle });
    const before = await one.ensure('claude', silent, NEVER);
    await writeFile(bundle, 'another one');
    await expect(one.ensure('claude', silent, NEVER)).resolves.not.toBe(before);
  });

  it('pulls a missing base image, and names the remedy when that fails', async () => {
    const missing = images({ baseImage: 'debian:absent' });
    await expect(missing.ensure('claude', silent, NEVER)).rejects.toMatchObject({
      code: 'base_image_unavailable',
      message: expect.stringContaining('npm run setup'),
    });
    runtime.images.pullable.add('debian:absent');
    await expect(missing.ensure('claude', silent, NEVER)).resolves.toContain('devforge/workspace-claude:');
  });

  it('fails with the last lines of a broken build, retryable only for network failures, and builds again on the next call', async () => {
    const one = images();
    runtime.images.onBuild = ({ onOutput }) => {
      onOutput('/bin/sh: 1: nonsense: not found');
      return false;
    };
    await expect(one.ensure('claude', silent, NEVER)).rejects.toMatchObject({
      code: 'image_build_failed',
      retryable: false,
      output: ['/bin/sh: 1: nonsense: not found'],
    });
    runtime.images.onBuild = ({ onOutput }) => {
      onOutput('Could not resolve host: example.org');
      return false;
    };
    await expect(one.ensure('claude', silent, NEVER)).rejects.toMatchObject({
      code: 'image_build_failed',
      retryable: true,
    });
    runtime.images.onBuild = () => true;
    await expect(one.ensure('claude', silent, NEVER)).resolves.toContain('devforge/workspace-claude:');
  });

  it('continues the build when one of several callers aborts', async () => {
    let finish: (succeeded: boolean) => void = () => undefined;
    const building = new Promise<void>((begun) => {
      runtime.images.onBuild = () => {
        begun();
        return new Promise<boolean>((resolve) => (finish = resolve));
      };
    });
    const caller = new AbortController();
    const one = images();
    const aborted = one.ensure('claude', silent, caller.signal);
    const waiting = one.ensure('claude', silent, NEVER);
    await building;
    caller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    finish(true);
    await expect(waiting).resolves.toContain('devforge/workspace-claude:');
    expect(runtime.images.builds).toHaveLength(1);
  });
});
