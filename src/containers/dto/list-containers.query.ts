import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsProjectId } from '../../auth/is-project-id.js';
import { QueryBoolean } from '../../http/query-boolean.js';
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

  @ApiProperty({
    type: 'integer',
    required: false,
    default: 100,
    minimum: 1,
    maximum: 500,
    description: 'Containers of one page.',
  })
  @IsOptional()
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(500)
  limit = 100;

  @ApiProperty({ required: false, maxLength: 200, description: 'nextCursor of the previous page.' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  cursor?: string;
}

export class RemoveContainerQuery {
  @ApiProperty({ type: Boolean, required: false, default: false, description: 'Keep the workspace volume.' })
  @IsOptional()
  @QueryBoolean()
  @IsIn([true, false])
  keepVolume = false;
}
