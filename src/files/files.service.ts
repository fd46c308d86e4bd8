import { Injectable } from '@nestjs/common';
import { AuditLog } from '../auth/audit/audit-log.js';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { ContainerActivity } from '../containers/activity/container-activity.js';
import { ContainersService } from '../containers/containers.service.js';
import { requireRunning } from '../workspace/programs/program-failure.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { FileType, UnpackedDto, WrittenFileDto } from './dto/file-entry.dto.js';
import type { Conditions } from './conditions.js';
import { CONDITIONS_VERSION, type FileHelper } from './file-helper.js';
import { FileHelpers } from './file-helpers.js';
import { type Upload, UploadRoom } from './upload-room.js';
import { notValid, toWorkspacePath } from './workspace-path.js';

/** Files, directories and links of one archive. */
const MAX_ENTRIES = 200_000;

export interface FoundFile {
  type: FileType;
  size: number;
  modifiedAt: string;
  mode: string;
  etag: string;
}

/** A file or directory that was found, and its content: either `send` or `discard` must be called. */
export interface FoundContent {
  entry: FoundFile;
  /** Bytes of a file, or the listing of a directory. */
  send(offset: number, length: number): AsyncIterable<Buffer>;
  discard(): Promise<void>;
  /** Aborts when the transfer made no progress for too long. */
  stalled: AbortSignal;
}

/** A path in a container, and the client that asks for it. */
export interface FileRequest {
  principal: Principal;
  container: string;
  path: string;
  clientSignal: AbortSignal;
  /** Of what exists at the path when the request is carried out. */
  conditions?: Conditions | undefined;
}

/** Reads and changes the files of running containers. */
@Injectable()
export class FilesService {
  constructor(
    private readonly containers: ContainersService,
    private readonly helpers: FileHelpers,
    private readonly room: UploadRoom,
    private readonly activity: ContainerActivity,
    private readonly audit: AuditLog,
  ) {}

  /** @param take receives what was found, and resolves once the response is complete */
  read(request: FileRequest, take: (found: FoundContent) => Promise<void>): Promise<void> {
    return this.work(request, async (helper, path, row) => {
      const { entry } = await helper.ask<{ entry: FoundFile }>(asked('read', path, request));
      requireValid(entry);
      await take({
        entry,
        send: (offset, length) => {
          const content = contentOf(helper, { offset, length });
          return entry.type === 'file' ? after(this.audit.recordFile('file.read', row, path), content) : content;
        },
        discard: () => discard(helper),
        stalled: helper.stalled,
      });
    });
  }

  /** @param take receives the directory as a tar archive, and resolves once the response is complete */
  readTar(
    request: FileRequest,
    take: (archive: Omit<FoundContent, 'entry' | 'send'> & { send(): AsyncIterable<Buffer> }) => Promise<void>,
  ): Promise<void> {
    return this.work(request, async (helper, path, row) => {
      await helper.ask(asked('pack', path, request));
      await take({
        send: () => after(this.audit.recordFile('file.archive', row, path), contentOf(helper, {})),
        discard: () => discard(helper),
        stalled: helper.stalled,
      });
    });
  }

  /** Writes a file. @returns its new metadata, and whether it was created */
  write(request: FileRequest, upload: Upload): Promise<{ created: boolean; file: WrittenFileDto; etag: string }> {
    return this.work(request, async (helper, path, row) => {
      const { body, maxBytes } = await this.room.forFile(row, upload, request.clientSignal);
      await this.audit.recordFile('file.write', row, path);
      await helper.ask({ ...asked('write', path, request), maxBytes });
      const { created, entry } = await helper.upload<{ created: boolean; entry: FoundFile }>(body);
      requireValid(entry);
      const { etag, ...file } = entry;
      return { created, file: { path, ...file }, etag };
    });
  }

  /** Unpacks a tar archive into a directory: all of it, or nothing when an entry is refused. */
  unpack(request: FileRequest, upload: Upload): Promise<UnpackedDto> {
    return this.work(request, async (helper, path, row) => {
      const { body, maxBytes } = await this.room.forArchive(row, upload, request.clientSignal);
      await this.audit.recordFile('file.unpack', row, path);
      await helper.ask({ ...asked('unpack', path, request), maxBytes, maxEntries: MAX_ENTRIES });
      const unpacked = await helper.upload<Omit<UnpackedDto, 'path'>>(body);
      return { path, ...unpacked };
    });
  }

  async remove(request: FileRequest): Promise<void> {
    if (toWorkspacePath(request.path) === '')
      throw notValid('must name something inside the workspace; the workspace itself cannot be removed');
    await this.work(request, async (helper, path, row) => {
      await this.audit.recordFile('file.delete', row, path);
      await helper.ask(asked('remove', path, request));
      helper.finish();
    });
  }

  private async work<Result>(
    { principal, container, path, clientSignal, conditions }: FileRequest,
    work: (helper: FileHelper, path: string, row: ContainerRow) => Promise<Result>,
  ): Promise<Result> {
    const workspacePath = toWorkspacePath(path);
    const row = await this.activity.begin(await this.containers.find(principal, container), 'files');
    requireRunning(row);
    const needs = conditions === undefined ? undefined : CONDITIONS_VERSION;
    const endActivity = this.activity.hold(row.id, 'files');
    try {
      return await this.helpers.use(row, clientSignal, (helper) => work(helper, workspacePath, row), needs);
    } finally {
      endActivity();
    }
  }
}

/** An older helper must not carry out a request without its conditions, so these operations have names of their own. */
function asked(op: 'read' | 'pack' | 'write' | 'unpack' | 'remove', path: string, { conditions }: FileRequest): object {
  return conditions === undefined ? { op, path } : { op: `${op}-if`, path, conditions };
}

async function* contentOf(helper: FileHelper, range: object): AsyncGenerator<Buffer, void> {
  await helper.send({ send: true, ...range });
  yield* helper.download();
}

/** The content, once the promise is fulfilled. */
function after(recorded: Promise<void>, content: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  // Nobody may ask for the content.
  recorded.catch(() => undefined);
  return (async function* () {
    await recorded;
    yield* content;
  })();
}

async function discard(helper: FileHelper): Promise<void> {
  await helper.send({ send: false });
  helper.finish();
}

/** Its fields become headers. @throws DomainError `workspace_tool_failed` */
function requireValid(entry: FoundFile | undefined): void {
  const isValid =
    entry !== undefined &&
    Number.isSafeInteger(entry.size) &&
    entry.size >= 0 &&
    typeof entry.modifiedAt === 'string' &&
    typeof entry.etag === 'string' &&
    /^(W\/)?"[\x21\x23-\x7e]{0,200}"$/.test(entry.etag);
  if (!isValid)
    throw new DomainError('workspace_tool_failed', 'devforge-files in the container sent an answer that is not valid.');
}
