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
import { DomainError } from '../common/errors/domain-error.js';
import { clientSignal } from '../http/client-signal.js';
import { DirectoryDto, UnpackedDto, WrittenFileDto } from './dto/file-entry.dto.js';
import { FilesQuery } from './dto/files.query.js';
import { respondWithContent, respondWithTar, TAR } from './file-answer.js';
import { FilesService, type Upload } from './files.service.js';

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
  @ApiHeader({ name: 'Range', required: false, description: 'One range of bytes of a file' })
  @ApiProduces('application/octet-stream', 'application/json', TAR)
  @ApiResponse({
    status: 200,
    content: {
      'application/octet-stream': BINARY,
      'application/json': { schema: { $ref: getSchemaPath(DirectoryDto) } },
      [TAR]: BINARY,
    },
  })
  @ApiResponse({ status: 206, content: { 'application/octet-stream': BINARY } })
  async read(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const asked = { principal, container, path, clientSignal: clientSignal(request) };
    if (request.accepts(['application/json', TAR]) === TAR)
      await this.files.readTar(asked, (archive) => respondWithTar(request, response, archive));
    else await this.files.read(asked, (found) => respondWithContent(request, response, found));
  }

  @Put(':id/files')
  @Requires('container:files')
  @ApiOperation({
    summary: 'Write a file; with Content-Type: application/x-tar unpack an archive into a directory',
    description:
      'The file appears once it is complete, and keeps the mode of the one that it replaces; missing directories are created. An archive is unpacked completely or, when an entry is refused, not at all; existing files are replaced.',
  })
  @ApiConsumes('application/octet-stream', TAR)
  @ApiBody(BINARY)
  @ApiResponse({
    status: 200,
    schema: { oneOf: [{ $ref: getSchemaPath(WrittenFileDto) }, { $ref: getSchemaPath(UnpackedDto) }] },
  })
  @ApiResponse({ status: 201, type: WrittenFileDto })
  async write(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<WrittenFileDto | UnpackedDto> {
    const asked = { principal, container, path, clientSignal: clientSignal(request) };
    const upload = uploadOf(request);
    response.status(200);
    if (request.is(TAR) === TAR) return this.files.unpack(asked, upload);
    const { created, file, etag } = await this.files.write(asked, upload);
    if (created) response.status(201);
    response.setHeader('ETag', etag);
    return file;
  }

  @Delete(':id/files')
  @Requires('container:files')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a file, a symbolic link (not its target), or a directory with its contents' })
  @ApiResponse({ status: 204 })
  remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
  ): Promise<void> {
    return this.files.remove({ principal, container, path, clientSignal: clientSignal(request) });
  }
}

function uploadOf(request: Request): Upload {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = request.headers;
  if (encoding.toLowerCase() !== 'identity')
    throw new DomainError('unsupported_media_type', 'Content-Encoding is not supported for files.');
  // The request stays open when its body is not read to the end, since a response follows.
  return {
    body: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
    length: length === undefined ? undefined : Number(length),
  };
}
