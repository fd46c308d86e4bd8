import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ArchivedFile, InspectedImage } from '../engine/engine-client.js';
import { FakeEngineClient } from '../engine/fake/fake-engine-client.js';
import { reasonAgainst, SourceImages } from './source-image.js';

const NEVER = new AbortController().signal;
const PLATFORM = 'linux/amd64';
const LOADER = '/lib64/ld-linux-x86-64.so.2';

const file = (content = ''): ArchivedFile => ({ kind: 'file', content: Buffer.from(content), target: null });
const link = (target: string): ArchivedFile => ({ kind: 'link', content: Buffer.alloc(0), target });

const DEBIAN = {
  '/bin/sh': link('dash'),
  '/bin/dash': file(),
  '/bin/bash': file(),
  [LOADER]: link('/lib/x86_64-linux-gnu/ld-2.31.so'),
  '/lib/x86_64-linux-gnu/ld-2.31.so': file(),
  '/lib/x86_64-linux-gnu/libc.so.6': link('libc-2.31.so'),
  '/lib/x86_64-linux-gnu/libc-2.31.so': file(),
  '/etc/passwd': file('root:x:0:0:root:/root:/bin/bash\n'),
  '/etc/group': file('root:x:0:\n'),
};

describe('SourceImages', () => {
  let engine: FakeEngineClient;
  let sources: SourceImages;

  beforeEach(() => {
    engine = new FakeEngineClient();
    sources = new SourceImages(engine);
  });

  const examine = async (files: Record<string, ArchivedFile>, details: Partial<InspectedImage> = {}) => {
    engine.images.add('theirs', { id: 'theirs', ...details });
    engine.containers.files.set('theirs', files);
    return sources.examine('theirs', (await engine.images.inspect('theirs'))!, PLATFORM);
  };

  it('pulls an image that the engine does not have, once', async () => {
    engine.images.pullable.add('theirs');
    const lines: string[] = [];
    const found = await sources.find('theirs', (line) => lines.push(line), NEVER);
    await expect(sources.find('theirs', (line) => lines.push(line), NEVER)).resolves.toEqual(found);
    expect(lines).toEqual(['Pulling theirs']);
  });

  it('says that an image cannot be pulled, and lets an engine that is away be waited for', async () => {
    const find = () => sources.find('absent', () => undefined, NEVER);
    await expect(find()).rejects.toMatchObject({ code: 'image_unavailable', retryable: false });
    engine.faults.goAway();
    await expect(find()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('reads what an image of Debian has, and leaves no container behind', async () => {
    await expect(examine(DEBIAN)).resolves.toEqual({
      passwd: 'root:x:0:0:root:/root:/bin/bash\n',
      group: 'root:x:0:\n',
      hasBash: true,
      hasSshConfig: false,
    });
    await expect(engine.containers.list('devforge.role=image-check')).resolves.toEqual([]);
  });

  it.each<[string, Record<string, ArchivedFile>, RegExp]>([
    [
      'Alpine',
      { '/bin/sh': file(), '/lib/ld-musl-x86_64.so.1': file() },
      /the image theirs: its C library is musl, as in Alpine; it has to be glibc 2\.26/,
    ],
    [
      "Alpine with glibc's loader",
      { '/bin/sh': file(), [LOADER]: link('../lib/ld-musl-x86_64.so.1'), '/lib/ld-musl-x86_64.so.1': file() },
      /musl/,
    ],
    ['one static program', { '/program': file() }, /it has no C library/],
    ['Debian without a shell', { ...DEBIAN, '/bin/sh': link('/bin/sh') }, /it has no shell at \/bin\/sh/],
    [
      'an old CentOS',
      { '/bin/sh': file(), [LOADER]: file(), '/lib64/libc.so.6': link('libc-2.17.so'), '/lib64/libc-2.17.so': file() },
      /glibc 2\.17; it has to be glibc 2\.26/,
    ],
  ])('refuses an image of %s', async (_, files, reason) => {
    await expect(examine(files)).rejects.toMatchObject({
      code: 'image_unsuitable',
      message: expect.stringMatching(reason),
      retryable: false,
    });
    await expect(engine.containers.list('devforge.role=image-check')).resolves.toEqual([]);
  });

  it('refuses an image for another processor', async () => {
    await expect(examine(DEBIAN, { architecture: 'arm64' })).rejects.toMatchObject({
      code: 'image_unsuitable',
      message: expect.stringContaining('it is for linux/arm64, and the engine runs linux/amd64'),
    });
  });

  it('compares versions of glibc, and takes an image whose version it cannot tell', () => {
    const facts = { platform: PLATFORM, loader: LOADER, hasMusl: false, glibc: '2.41', hasShell: true };
    expect(reasonAgainst(facts, PLATFORM)).toBeNull();
    expect(reasonAgainst({ ...facts, glibc: null }, PLATFORM)).toBeNull();
    expect(reasonAgainst({ ...facts, glibc: '2.25' }, PLATFORM)).toContain('glibc 2.25');
  });
});
