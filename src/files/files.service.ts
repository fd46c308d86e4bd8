import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { ContainersService } from '../containers/containers.service.js';
import { DiskUsage } from '../usage/disk-usage.js';
import { requireRunning } from '../workspace/programs/workspace-programs.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { FileType, UnpackedDto, WrittenFileDto } from './dto/file-entry.dto.js';
import type { FileHelper } from './file-helper.js';
import { FileHelpers } from './file-helpers.js';
import { notValid, toWorkspacePath } from './workspace-path.js';

const MIB = 1024 * 1024;
/** Of one archive. */
const MOST_ENTRIES = 200_000;

export interface FoundFile {
  type: FileType;
  size: number;
  modifiedAt: string;
  mode: string;
  etag: string;
}

/** A file or a directory that was found, and how its content is had: one of the two is to be called. */
export interface FoundContent {
  entry: FoundFile;
  /** Bytes of a file, or the listing of a directory. */
  send(offset: number, length: number): AsyncIterable<Buffer>;
  leave(): Promise<void>;
  /** Aborts when nothing has moved for too long. */
  stalled: AbortSignal;
}

export interface Upload {
  body: AsyncIterable<Buffer>;
  /** Bytes, where the client says how many. */
  length: number | undefined;
}

/** A container, a path in it, and whether its client is still there. */
export interface FileRequest {
  principal: Principal;
  container: string;
  path: string;
  left: AbortSignal;
}

/** Reads and changes the files of running containers. */
@Injectable()
export class FilesService {
  constructor(
    private readonly containers: ContainersService,
    private readonly helpers: FileHelpers,
    private readonly disk: DiskUsage,
  ) {}

  /** @param take is given what was found, and has answered when it resolves */
  read(request: FileRequest, take: (found: FoundContent) => Promise<void>): Promise<void> {
    return this.work(request, async (helper, path) => {
      const { entry } = await helper.ask<{ entry: FoundFile }>({ op: 'read', path });
      await take({
        entry,
        send: (offset, length) => sent(helper, { offset, length }),
        leave: () => left(helper),
        stalled: helper.stalled,
      });
    });
  }

  /** @param take is given the directory as a tar archive, and has answered when it resolves */
  readTar(
    request: FileRequest,
    take: (archive: Omit<FoundContent, 'entry' | 'send'> & { send(): AsyncIterable<Buffer> }) => Promise<void>,
  ): Promise<void> {
    return this.work(request, async (helper, path) => {
      await helper.ask({ op: 'pack', path });
      await take({ send: () => sent(helper, {}), leave: () => left(helper), stalled: helper.stalled });
    });
  }

  /** Writes a file. @returns what it is now, and whether it is new */
  write(request: FileRequest, upload: Upload): Promise<{ created: boolean; file: WrittenFileDto; etag: string }> {
    return this.work(request, async (helper, path, row) => {
      await helper.ask({ op: 'write', path, maxBytes: await this.room(row, upload.length, request.left) });
      const { created, entry } = await helper.upload<{ created: boolean; entry: FoundFile }>(upload.body);
      const { etag, ...file } = entry;
      return { created, file: { path, ...file }, etag };
    });
  }

  /** Unpacks a tar archive into a directory: all of it, or nothing when something in it is refused. */
  unpack(request: FileRequest, upload: Upload): Promise<UnpackedDto> {
    return this.work(request, async (helper, path, row) => {
      await helper.ask({
        op: 'unpack',
        path,
        maxBytes: await this.room(row, upload.length, request.left),
        maxEntries: MOST_ENTRIES,
      });
      const unpacked = await helper.upload<Omit<UnpackedDto, 'path'>>(upload.body);
      return { path, ...unpacked };
    });
  }

  async remove(request: FileRequest): Promise<void> {
    if (toWorkspacePath(request.path) === '')
      throw notValid('must name something in the workspace, which itself cannot be removed');
    await this.work(request, (helper, path) => helper.ask({ op: 'remove', path }).then(() => helper.finish()));
  }

  private async work<Result>(
    { principal, container, path, left: leaving }: FileRequest,
    work: (helper: FileHelper, path: string, row: ContainerRow) => Promise<Result>,
  ): Promise<Result> {
    const asked = toWorkspacePath(path);
    const row = await this.containers.find(principal, container);
    requireRunning(row);
    return this.helpers.use(row, leaving, (helper) => work(helper, asked, row));
  }

  /** Bytes that the disk limit leaves. @throws DomainError `payload_too_large` when `wanted` are more */
  private async room(row: ContainerRow, wanted: number | undefined, signal: AbortSignal): Promise<number> {
    const limit = row.diskLimit * MIB;
    const known = limit - (this.disk.last(row.id) ?? 0) * MIB;
    if (wanted === undefined || wanted <= known) return Math.max(known, 0);
    // The last figure may be half a minute old.
    const left = limit - (await this.disk.measure(row, signal)) * MIB;
    if (wanted <= left) return left;
    throw new DomainError(
      'payload_too_large',
      `The container's disk limit leaves ${Math.max(Math.floor(left / MIB), 0)} MB.`,
    );
  }
}

async function* sent(helper: FileHelper, range: object): AsyncGenerator<Buffer, void> {
  await helper.tell({ send: true, ...range });
  yield* helper.download();
}

async function left(helper: FileHelper): Promise<void> {
  await helper.tell({ send: false });
  helper.finish();
}
