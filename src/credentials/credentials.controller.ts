import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Principal } from '../auth/principal.js';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import { ApiErrors } from '../http/api-errors.js';
import {
  CREATE_CREDENTIAL_EXAMPLES,
  CreateCredentialDto,
  CredentialDto,
  CredentialListDto,
  ListCredentialsQuery,
} from './credential.dto.js';
import { CredentialsService } from './credentials.service.js';

const LOCATION = { Location: { description: 'Path of the credential', schema: { type: 'string' } } } as const;

@ApiTags('credentials')
@ApiBearerAuth()
@Controller('api/credentials')
export class CredentialsController {
  constructor(private readonly credentials: CredentialsService) {}

  @Post()
  @Requires('credential:manage')
  @ApiOperation({
    summary: 'Store a credential that containers may use',
    description: 'Its value is encrypted and never returned. Containers name it in `credentials`.',
  })
  @ApiBody({ type: CreateCredentialDto, examples: CREATE_CREDENTIAL_EXAMPLES })
  @ApiResponse({ status: 201, type: CredentialDto, description: 'The credential', headers: LOCATION })
  @ApiErrors('ssh_key_not_usable', 'project_not_found', 'quota_exceeded')
  async create(
    @CurrentPrincipal() principal: Principal,
    @Body() body: CreateCredentialDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CredentialDto> {
    const credential = await this.credentials.create(principal, body);
    response.location(`/api/credentials/${credential.id}`);
    return credential;
  }

  @Get()
  @Requires('credential:read')
  @ApiOperation({ summary: 'List credentials, latest first' })
  @ApiResponse({
    status: 200,
    type: CredentialListDto,
    description: "Those of the caller's projects, and a user's own",
  })
  @ApiErrors('project_not_found')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() query: ListCredentialsQuery,
  ): Promise<CredentialListDto> {
    return { items: await this.credentials.list(principal, query.projectId) };
  }

  @Get(':id')
  @Requires('credential:read')
  @ApiOperation({ summary: 'Get a credential, without its value' })
  @ApiResponse({ status: 200, type: CredentialDto, description: 'The credential' })
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<CredentialDto> {
    return this.credentials.get(principal, id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('credential:manage')
  @ApiOperation({
    summary: 'Delete a credential that no container names',
    description: 'Otherwise `containers` of the error says which ones do, the first 20 of them.',
  })
  @ApiResponse({ status: 204, description: 'It is gone' })
  @ApiErrors('credential_in_use')
  remove(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.credentials.remove(principal, id);
  }
}
