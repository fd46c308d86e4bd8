import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { PROJECT_ROLES, type ProjectRole } from '../../persistence/types.js';
import { type Permission, PERMISSIONS } from '../permissions.js';
import { permissionsOf, type Principal } from '../principal.js';
import { CurrentPrincipal, Requires } from '../requires.js';
import { ProjectsService } from './projects.service.js';

const KINDS = ['administrator', 'user', 'service'] as const;

class OwnProjectDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty() name: string;
  @ApiProperty({ enum: PROJECT_ROLES }) role: ProjectRole;
  @ApiProperty({ enum: PERMISSIONS, isArray: true, description: 'What the caller may do in the project.' })
  permissions: Permission[];
}

/** Whom a credential belongs to. */
class MeDto {
  @ApiProperty({ enum: KINDS }) kind: (typeof KINDS)[number];
  @ApiProperty() id: string;
  @ApiProperty() name: string;
  @ApiProperty({ enum: PERMISSIONS, isArray: true, description: 'What the caller may do, in some project at least.' })
  permissions: Permission[];
  @ApiProperty({ type: [OwnProjectDto] }) projects: OwnProjectDto[];
}

@ApiTags('info')
@ApiBearerAuth()
@Controller('api/me')
export class MeController {
  constructor(private readonly projects: ProjectsService) {}

  @Get()
  @Requires('info:read')
  @ApiOperation({ summary: 'Whom the credential of the request belongs to, and the projects that it may act in' })
  @ApiResponse({ status: 200, type: MeDto, description: 'The caller' })
  async get(@CurrentPrincipal() principal: Principal): Promise<MeDto> {
    const { kind, id, name, roles } = principal;
    const projects = await this.projects.list(principal);
    return {
      kind,
      id,
      name,
      permissions: permissionsOf(principal),
      projects: projects.map((project) => ({
        id: project.id,
        name: project.name,
        role: kind === 'administrator' ? 'owner' : roles.get(project.id)!,
        permissions: permissionsOf(principal, project.id),
      })),
    };
  }
}
