import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ApiErrors } from '../../http/api-errors.js';
import type { Principal } from '../principal.js';
import { CurrentPrincipal, Requires } from '../requires.js';
import { API_KEY_EXAMPLES, ApiKeyListDto, CreateApiKeyDto, ListApiKeysQuery, NewApiKeyDto } from './api-key.dto.js';
import { ApiKeysService } from './api-keys.service.js';

@ApiTags('api keys')
@ApiBearerAuth()
@Controller('api/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @Requires('api-key:manage')
  @ApiOperation({ summary: 'Make an API key, which is shown this once' })
  @ApiBody({ type: CreateApiKeyDto, examples: API_KEY_EXAMPLES })
  @ApiResponse({ status: 201, type: NewApiKeyDto, description: 'The key, in `key`' })
  @ApiErrors('project_not_found', 'quota_exceeded')
  create(@CurrentPrincipal() principal: Principal, @Body() body: CreateApiKeyDto): Promise<NewApiKeyDto> {
    return this.keys.create(principal, body);
  }

  @Get()
  @Requires('api-key:manage')
  @ApiOperation({ summary: 'List API keys, latest first' })
  @ApiResponse({
    status: 200,
    type: ApiKeyListDto,
    description: "Those of the projects that the caller owns, and a user's own",
  })
  @ApiErrors('project_not_found')
  async list(@CurrentPrincipal() principal: Principal, @Query() query: ListApiKeysQuery): Promise<ApiKeyListDto> {
    return { items: await this.keys.list(principal, query.projectId) };
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('api-key:manage')
  @ApiOperation({
    summary: 'Revoke an API key and those that were made with it; their connections end within five seconds',
  })
  @ApiResponse({ status: 204, description: 'It is revoked' })
  remove(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<void> {
    return this.keys.remove(principal, id);
  }
}
