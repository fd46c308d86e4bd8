import { ApiProperty } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsProjectId } from '../../auth/is-project-id.js';
import { type Template, TEMPLATES } from '../../persistence/types.js';

export class ListVolumesQuery {
  @ApiProperty({ required: false, format: 'uuid', description: 'Only the volumes of this project.' })
  @IsOptional()
  @IsProjectId()
  projectId?: string;
}

/** The files of `/workspace` that outlived their container. */
export class VolumeDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the container that it was created with.' }) id: string;
  @ApiProperty({ format: 'uuid', description: 'The project that it belongs to.' }) projectId: string;
  @ApiProperty({ description: 'Its name at the engine.' }) name: string;
  @ApiProperty({ description: 'Name of the container that it was created with.' }) containerName: string;
  @ApiProperty({ enum: TEMPLATES, description: 'Template of that container.' }) template: Template;
  @ApiProperty({ format: 'date-time', description: 'When that container was deleted.' }) keptAt: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'Id of the container that has it now.' })
  attachedTo: string | null;
}

export class VolumeListDto {
  @ApiProperty({ type: [VolumeDto] }) items: VolumeDto[];
}
