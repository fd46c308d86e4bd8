import { Controller, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal, Requires } from '../auth/requires.js';
import type { Principal } from '../auth/principal.js';
import { ApiErrors, PROGRAM_ERRORS } from '../http/api-errors.js';
import { SiteLinkDto } from './dto/site-link.dto.js';
import { LinksService, type SiteLink } from './links.service.js';
import { PreviewQuery } from './dto/preview.query.js';
import { requiredPort } from './required-port.js';

@ApiTags('editor')
@ApiBearerAuth()
@Controller('api/containers')
export class EditorController {
  constructor(private readonly links: LinksService) {}

  @Post(':id/editor')
  @Requires('container:editor')
  @HttpCode(200)
  @ApiOperation({ summary: "Create a single-use link that signs a browser in to the container's VS Code" })
  @ApiResponse({ status: 200, type: SiteLinkDto, description: 'The link' })
  @ApiErrors('editor_unavailable', ...PROGRAM_ERRORS)
  openEditor(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<SiteLink> {
    return this.links.editor(principal, id);
  }

  @Post(':id/ports/:port/preview')
  @Requires('container:editor')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Create a single-use link that signs a browser in to the program on a port of the container',
  })
  @ApiResponse({ status: 200, type: SiteLinkDto, description: 'The link' })
  @ApiErrors('validation_failed', 'invalid_state', 'preview_unavailable')
  openPreview(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('port') port: string,
    @Query() { host }: PreviewQuery,
  ): Promise<SiteLink> {
    return this.links.preview(principal, id, requiredPort(port), host);
  }
}
