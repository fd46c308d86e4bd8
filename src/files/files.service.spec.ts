import { beforeEach, describe, expect, it } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import type { Principal } from '../auth/principal.js';
import type { ContainersService } from '../containers/containers.service.js';
import type { DiskUsage } from '../usage/disk-usage.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { FileHelper } from './file-helper.js';
import type { FileHelpers } from './file-helpers.js';
import { type FileRequest, FilesService } from './files.service.js';

const MIB = 1024 * 1024;

describe('FilesService', () => {
  let row: ContainerRow;
  let asked: object[];
  let usedMB: { last: number | undefined; now: number };
  let measured: number;
  let service: FilesService;

  const request = (path: string): FileRequest => ({
    principal: { ownerId: 'admin' } as Principal,
    container: row.id,
    path,
    clientSignal: new AbortController().signal,
  });
  async function* nothing(): AsyncGenerator<Buffer> {}

  beforeEach(() => {
    row = containerRow({ diskLimit: 100 });
    asked = [];
    usedMB = { last: undefined, now: 0 };
    measured = 0;
    const helper = {
      ask: async (document: object) => void asked.push(document),
      upload: async () => ({
        created: true,
        entry: { type: 'file', size: 0, modifiedAt: '', mode: '0644', etag: '"e"' },
        entries: 1,
        bytes: 2,
      }),
      finish: () => undefined,
    } as unknown as FileHelper;
    const helpers = {
      use: async (_: unknown, __: unknown, work: (helper: FileHelper) => Promise<unknown>) => work(helper),
    } as unknown as FileHelpers;
    const disk = {
      last: () => usedMB.last,
      measure: async () => {
        measured += 1;
        return usedMB.now;
      },
    } as unknown as DiskUsage;
    service = new FilesService({ find: async () => row } as unknown as ContainersService, helpers, disk);
  });

  it('asks the helper with the normalised path', async () => {
    await service.remove(request('/workspace/./a//b'));
    expect(asked).toEqual([{ op: 'remove', path: 'a/b' }]);
  });

  it.each<[string, number | undefined, number | undefined, number, number, number]>([
    ['nothing is known', undefined, 5, 0, 100, 0],
    ['there is room by the last figure', 90, 10 * MIB, 0, 10, 0],
    ['it says nothing of its length', 90, undefined, 0, 10, 0],
    ['the container is over its limit, and it says nothing', 120, undefined, 0, 0, 0],
    ['there is room by now', 100, 10 * MIB, 40, 60, 1],
  ])(
    'lets an upload take what the disk limit leaves, when %s',
    async (_, last, length, now, expectedMB, measurements) => {
      usedMB = { last, now };
      await service.write(request('a'), { body: nothing(), length });
      await service.unpack(request('a'), { body: nothing(), length });
      expect(asked).toMatchObject([
        { op: 'write', maxBytes: expectedMB * MIB },
        { op: 'unpack', maxBytes: expectedMB * MIB, maxEntries: 200_000 },
      ]);
      expect(measured).toBe(measurements * 2);
    },
  );

  it('refuses an upload that declares more than the disk limit leaves', async () => {
    usedMB = { last: 0, now: 95 };
    await expect(service.write(request('a'), { body: nothing(), length: 101 * MIB })).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringContaining('5 MB'),
    });
    expect(asked).toEqual([]);
  });

  it('asks no helper for an invalid path, nor in a container that does not run', async () => {
    await expect(service.remove(request('../a'))).rejects.toMatchObject({ code: 'path_outside_workspace' });
    await expect(service.remove(request('/workspace'))).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field: 'path' }],
    });
    row = { ...row, status: 'stopped' };
    await expect(service.remove(request('a'))).rejects.toMatchObject({
      code: 'invalid_state',
      extensions: { currentStatus: 'stopped' },
    });
    expect(asked).toEqual([]);
  });
});
