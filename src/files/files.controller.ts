import { Controller, Delete, Get, HttpCode, Param, Put, Query, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiProduces,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import type { ErrorCode } from '../common/errors/error-codes.js';
import { ApiErrors, PROGRAM_ERRORS } from '../http/api-errors.js';
import { clientSignal } from '../http/client-signal.js';
import { DirectoryDto, UnpackedDto, WrittenFileDto } from './dto/file-entry.dto.js';
import { FilesQuery } from './dto/files.query.js';
import { conditionsOf, readConditionsOf } from './conditions.js';
import { respondWithContent, respondWithTar, setVersionHeaders, TAR } from './file-answer.js';
import { FilesService } from './files.service.js';
import { uploadOf } from './upload.js';

const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description: 'Entity tags (ETag) of which the file must have one, or * for any version; otherwise 412',
};
const IF_NONE_MATCH = {
  name: 'If-None-Match',
  required: false,
  description:
    'Entity tags of which the file must have none, or * for a path at which nothing may exist; otherwise 412',
};
const IF_UNMODIFIED_SINCE = {
  name: 'If-Unmodified-Since',
  required: false,
  description: 'The Last-Modified that the file must still have; otherwise 412. Ignored with If-Match',
};
const VERSION = {
  ETag: { description: 'Of a file: its version, for If-Match', schema: { type: 'string' } },
  'Last-Modified': { description: 'Of a file', schema: { type: 'string' } },
} as const;
const FILE_ERRORS = [
  'validation_failed',
  'path_outside_workspace',
  'file_not_accessible',
  'file_not_found',
  'not_a_directory',
  'precondition_failed',
  'too_many_requests',
  'busy',
  ...PROGRAM_ERRORS,
] as const satisfies ErrorCode[];
const BINARY = { schema: { type: 'string', format: 'binary' } } as const;

@ApiTags('files')
@ApiBearerAuth()
@ApiExtraModels(DirectoryDto, UnpackedDto, WrittenFileDto)
@Controller('api/containers')
export class FilesController {
  constructor(private readonly files: FilesService) {}

  @Get(':id/files')
  @Requires('container:files')
  @ApiOperation({
    summary: "A file's bytes; a directory as a listing, or as a tar archive with Accept: application/x-tar",
  })
  @ApiHeader({ name: 'Range', required: false, description: 'One range of bytes of a file, such as bytes=0-99' })
  @ApiHeader(IF_MATCH)
  @ApiHeader({
    ...IF_NONE_MATCH,
    description: 'Entity tags (ETag) that the client has: 304 when the file has one of them',
  })
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiProduces('application/octet-stream', 'application/json', TAR)
  @ApiResponse({
    status: 200,
    description: 'The file, the listing or the archive',
    headers: VERSION,
    content: {
      'application/octet-stream': BINARY,
      'application/json': { schema: { $ref: getSchemaPath(DirectoryDto) } },
      [TAR]: BINARY,
    },
  })
  @ApiResponse({
    status: 206,
    description: 'The part that Range asked for',
    headers: VERSION,
    content: { 'application/octet-stream': BINARY },
  })
  @ApiResponse({ status: 304, description: 'The client has this version, as If-None-Match said' })
  @ApiErrors('special_file', 'range_not_satisfiable', ...FILE_ERRORS)
  async read(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const conditions = readConditionsOf(request.headers);
    const asked = { principal, container, path, conditions, clientSignal: clientSignal(request) };
    if (request.accepts(['application/json', TAR]) === TAR)
      await this.files.readTar(asked, (archive) => respondWithTar(request, response, archive));
    else await this.files.read(asked, (found) => respondWithContent(request, response, found));
  }

  @Put(':id/files')
  @Requires('container:files')
  @ApiOperation({
    summary: 'Write a file; with Content-Type: application/x-tar unpack an archive into a directory',
    description:
      'The file appears once it is complete, and keeps the mode of the one that it replaces; missing directories are created. An archive, which may be compressed with gzip, is unpacked completely or, when an entry is refused, not at all; existing files are replaced. Of any size that the disk limit leaves room for; forms (multipart/form-data) are refused.',
  })
  @ApiConsumes('application/octet-stream', TAR)
  @ApiHeader(IF_MATCH)
  @ApiHeader(IF_NONE_MATCH)
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiBody({ ...BINARY, required: false })
  @ApiResponse({
    status: 200,
    description: 'The file was replaced, or the archive unpacked',
    headers: VERSION,
    schema: { oneOf: [{ $ref: getSchemaPath(WrittenFileDto) }, { $ref: getSchemaPath(UnpackedDto) }] },
  })
  @ApiResponse({ status: 201, type: WrittenFileDto, description: 'The file was created', headers: VERSION })
  @ApiErrors(
    'tar_refused',
    'is_a_directory',
    'special_file',
    'payload_too_large',
    'unsupported_media_type',
    'disk_full',
    ...FILE_ERRORS,
  )
  async write(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WrittenFileDto | UnpackedDto> {
    const conditions = conditionsOf(request.headers);
    const asked = { principal, container, path, conditions, clientSignal: clientSignal(request) };
    const isArchive = request.is(TAR) === TAR;
    const upload = uploadOf(request, isArchive);
    response.status(200);
    if (isArchive) return this.files.unpack(asked, upload);
    const { created, file, etag } = await this.files.write(asked, upload);
    if (created) response.status(201);
    setVersionHeaders(response, file.modifiedAt, etag);
    return file;
  }

  @Delete(':id/files')
  @Requires('container:files')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a file, a symbolic link (not its target), or a directory with its contents' })
  @ApiHeader(IF_MATCH)
  @ApiHeader(IF_NONE_MATCH)
  @ApiHeader(IF_UNMODIFIED_SINCE)
  @ApiResponse({ status: 204, description: 'It is removed' })
  @ApiErrors(...FILE_ERRORS)
  remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
  ): Promise<void> {
    const conditions = conditionsOf(request.headers);
    return this.files.remove({ principal, container, path, conditions, clientSignal: clientSignal(request) });
  }
}
