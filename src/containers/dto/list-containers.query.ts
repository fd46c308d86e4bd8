import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsProjectId } from '../../auth/is-project-id.js';
import { PageCursor, PageLimit } from '../../http/validation/page-query.js';
import { QueryBoolean } from '../../http/validation/query-boolean.js';
import { CONTAINER_STATUSES, type ContainerStatus, type Template, TEMPLATES } from '../../persistence/types.js';

export class ListContainersQuery {
  @ApiProperty({
    type: Boolean,
    required: false,
    default: false,
    description: 'Include the latest metrics sample of running containers.',
  })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  includeMetrics = false;

  @ApiProperty({ required: false, enum: CONTAINER_STATUSES, description: 'Only containers in this state.' })
  @IsOptional()
  @IsIn(CONTAINER_STATUSES)
  status?: ContainerStatus;

  @ApiProperty({ required: false, enum: TEMPLATES, description: 'Only containers of this template.' })
  @IsOptional()
  @IsIn(TEMPLATES)
  template?: Template;

  @ApiProperty({ required: false, format: 'uuid', description: 'Only the containers of this project.' })
  @IsOptional()
  @IsProjectId()
  projectId?: string;

  @PageLimit('Containers of one page.')
  limit = 100;

  @PageCursor()
  cursor?: string;
}

export class RemoveContainerQuery {
  @ApiProperty({ type: Boolean, required: false, default: false, description: 'Keep the workspace volume.' })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  keepVolume = false;
}
