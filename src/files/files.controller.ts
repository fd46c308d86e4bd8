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
import { CurrentPrincipal } from '../auth/bearer.guard.js';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { clientSignal } from '../http/client-signal.js';
import { DirectoryDto, UnpackedDto, WrittenFileDto } from './dto/file-entry.dto.js';
import { FilesQuery } from './dto/files.query.js';
import { answerContent, answerTar, TAR } from './file-answer.js';
import { FilesService, type Upload } from './files.service.js';

const BINARY = { schema: { type: 'string', format: 'binary' } } as const;

@ApiTags('files')
@ApiBearerAuth()
@ApiExtraModels(DirectoryDto, UnpackedDto, WrittenFileDto)
@Controller('api/containers')
export class FilesController {
  constructor(private readonly files: FilesService) {}

  @Get(':id/files')
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
    const asked = { principal, container, path, left: clientSignal(request) };
    if (request.accepts(['application/json', TAR]) === TAR)
      await this.files.readTar(asked, (archive) => answerTar(request, response, archive));
    else await this.files.read(asked, (found) => answerContent(request, response, found));
  }

  @Put(':id/files')
  @ApiOperation({
    summary: 'Write a file; with Content-Type: application/x-tar unpack an archive into a directory',
    description:
      'The file shows once it is whole, and keeps the mode of one that it replaces; directories on the way are made. An archive is unpacked whole or, when something in it is refused, not at all; files that are there already are replaced.',
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
    const asked = { principal, container, path, left: clientSignal(request) };
    const upload = uploadOf(request);
    response.status(200);
    if (request.is(TAR) === TAR) return this.files.unpack(asked, upload);
    const { created, file, etag } = await this.files.write(asked, upload);
    if (created) response.status(201);
    response.setHeader('ETag', etag);
    return file;
  }

  @Delete(':id/files')
  @HttpCode(204)
  @ApiOperation({ summary: 'Remove a file, a link itself, or a directory with all that is in it' })
  @ApiResponse({ status: 204 })
  remove(
    @CurrentPrincipal() principal: Principal,
    @Param('id') container: string,
    @Query() { path }: FilesQuery,
    @Req() request: Request,
  ): Promise<void> {
    return this.files.remove({ principal, container, path, left: clientSignal(request) });
  }
}

function uploadOf(request: Request): Upload {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = request.headers;
  if (encoding.toLowerCase() !== 'identity')
    throw new DomainError('unsupported_media_type', 'Files are taken as they are, without Content-Encoding.');
  // Whoever stops reading early has still an answer to write.
  return {
    body: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
    length: length === undefined ? undefined : Number(length),
  };
}
