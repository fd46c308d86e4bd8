import { beforeEach, describe, expect, it } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import type { Principal } from '../auth/principal.js';
import type { ContainersService } from '../containers/containers.service.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { FileHelper } from './file-helper.js';
import type { FileHelpers } from './file-helpers.js';
import { type FileRequest, FilesService } from './files.service.js';
import type { Upload, UploadRoom } from './upload-room.js';
import { noAudit } from '../../test/support/no-audit.js';
import { noActivity } from '../../test/support/no-activity.js';

describe('FilesService', () => {
  let row: ContainerRow;
  let asked: object[];
  let needed: (number | undefined)[];
  let service: FilesService;

  const request = (path: string): FileRequest => ({
    principal: { id: 'admin' } as Principal,
    container: row.id,
    path,
    clientSignal: new AbortController().signal,
  });
  async function* nothing(): AsyncGenerator<Buffer> {}

  beforeEach(() => {
    row = containerRow({ diskLimit: 100 });
    asked = [];
    needed = [];
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
      use: async (_: unknown, __: unknown, work: (helper: FileHelper) => Promise<unknown>, needs?: number) => {
        needed.push(needs);
        return work(helper);
      },
    } as unknown as FileHelpers;
    const room = {
      forFile: async (_: ContainerRow, { body }: Upload) => ({ body, maxBytes: 100 }),
    } as unknown as UploadRoom;
    service = new FilesService(
      { find: async () => row } as unknown as ContainersService,
      helpers,
      room,
      noActivity,
      noAudit,
    );
  });

  it('asks the helper with the normalised path', async () => {
    await service.remove(request('/workspace/./a//b'));
    expect(asked).toEqual([{ op: 'remove', path: 'a/b' }]);
  });

  it('asks for operations of their own when there are conditions, which an older helper does not know', async () => {
    const conditions = { match: ['"e"'] };
    await service.remove({ ...request('a'), conditions });
    await service.write({ ...request('a'), conditions }, { body: nothing(), length: 0 });
    expect(asked).toEqual([
      { op: 'remove-if', path: 'a', conditions },
      { op: 'write-if', path: 'a', conditions, maxBytes: 100 },
    ]);
    expect(needed).toEqual([3, 3]);
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
