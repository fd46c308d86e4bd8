import { ApiProperty } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsProjectId } from '../../auth/is-project-id.js';
import type { SnapshotRow } from '../../persistence/snapshots/snapshots.repository.js';
import { REPO_TYPES, type RepoType, type Template, TEMPLATES } from '../../persistence/types.js';

export class ListSnapshotsQuery {
  @ApiProperty({ required: false, format: 'uuid', description: 'Only the snapshots of this project.' })
  @IsOptional()
  @IsProjectId()
  projectId?: string;
}

/** The files of a container as of one moment. */
export class SnapshotDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid', description: 'The project that it belongs to.' }) projectId: string;
  @ApiProperty({ format: 'uuid', description: 'The container that it is of, which may be gone.' }) containerId: string;
  @ApiProperty({ description: 'Name of that container then.' }) containerName: string;
  @ApiProperty({ enum: TEMPLATES, description: 'Template of that container.' }) template: Template;
  @ApiProperty({ enum: REPO_TYPES }) repoType: RepoType;
  @ApiProperty({ type: String, nullable: true }) repoUrl: string | null;
  @ApiProperty({ description: 'What it takes of the disk; what it shares with others is counted as its own.' })
  bytes: number;
  @ApiProperty({ description: 'For how long the container stood still, in milliseconds; 0 if it did not run.' })
  pausedMs: number;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
}

export class SnapshotListDto {
  @ApiProperty({ type: [SnapshotDto] }) items: SnapshotDto[];
}

export function toSnapshotDto(row: SnapshotRow): SnapshotDto {
  const { id, projectId, containerId, containerName, template, repoType, repoUrl, bytes, pausedMs, createdAt } = row;
  return {
    id,
    projectId,
    containerId,
    containerName,
    template,
    repoType,
    repoUrl,
    bytes,
    pausedMs,
    createdAt: createdAt.toISOString(),
  };
}
