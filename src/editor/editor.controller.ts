import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentPrincipal } from '../auth/bearer.guard.js';
import type { Principal } from '../auth/principal.js';
import { type EditorLink, EditorService } from './editor.service.js';

@ApiTags('way in')
@ApiBearerAuth()
@Controller('api/containers')
export class EditorController {
  constructor(private readonly editor: EditorService) {}

  @Post(':id/editor')
  @HttpCode(200)
  @ApiOperation({ summary: "A single-use link that signs the browser in to that container's VS Code and nothing else" })
  open(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<EditorLink> {
    return this.editor.open(principal, id);
  }
}
