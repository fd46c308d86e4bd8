import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsNumber, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';
import { LIMITS } from '../../common/limits.js';
import { BudgetProperty } from './rules/budget.js';
import { IsContainerName } from './rules/container-name.js';
import { ContainerCredentialIds } from './rules/credential-ids.js';
import { ImageProperty } from './rules/image.js';
import { PackagesProperty } from './rules/packages.js';
import { IsEnvMap } from './rules/env-map.js';
import { IsGitBranch } from './rules/git-branch.js';
import { ScheduleDto, ScheduleProperty } from './schedule.dto.js';
import { StopAfterMinutes } from './rules/stop-after-minutes.js';

/** Changes of a container. What is not given stays as it is. */
export class UpdateContainerDto {
  @ApiProperty({
    required: false,
    description:
      'A unique DNS label. Addresses of VS Code and ports follow at once, the host name inside at a rebuild.',
    minLength: 1,
    maxLength: 63,
    example: 'my-dev-container',
    pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  })
  @MayBeAbsent()
  @IsContainerName()
  name?: string;

  @ApiProperty({
    type: Number,
    required: false,
    minimum: LIMITS.cpuLimit.min,
    maximum: LIMITS.cpuLimit.max,
    description: 'Cores. Takes effect at once.',
  })
  @MayBeAbsent()
  @IsNumber({ allowNaN: false, allowInfinity: false, maxDecimalPlaces: 3 })
  @Min(LIMITS.cpuLimit.min)
  @Max(LIMITS.cpuLimit.max)
  cpuLimit?: number;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: LIMITS.memoryLimit.min,
    maximum: LIMITS.memoryLimit.max,
    description: 'Memory in MiB. Takes effect at once.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(LIMITS.memoryLimit.min)
  @Max(LIMITS.memoryLimit.max)
  memoryLimit?: number;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: LIMITS.diskLimit.min,
    maximum: LIMITS.diskLimit.max,
    description: 'Disk space in MiB. Takes effect at once.',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(LIMITS.diskLimit.min)
  @Max(LIMITS.diskLimit.max)
  diskLimit?: number;

  @ApiProperty({
    required: false,
    type: Object,
    additionalProperties: { type: 'string' },
    example: { FOO: 'bar' },
    description: 'Replaces all variables. Takes effect when the container is rebuilt.',
  })
  @MayBeAbsent()
  @IsEnvMap()
  env?: Record<string, string>;

  @ContainerCredentialIds(
    'Replaces all credentials. Takes effect when the container is rebuilt; for Claude Code with the next instruction.',
  )
  credentials?: string[];

  @ImageProperty('The image to work in, as on create. Takes effect when the container is rebuilt.')
  image?: string;

  @PackagesProperty('Replaces all packages. Takes effect when the container is rebuilt.')
  packages?: string[];

  @StopAfterMinutes('Minutes without activity after which it is stopped; null for never. Takes effect at once.')
  idleStopMinutes?: number | null;

  @StopAfterMinutes('Minutes from its start after which it is stopped; null for never. Takes effect at once.')
  ttlMinutes?: number | null;

  @StopAfterMinutes(
    'Minutes that its agent may wait for a person until it is stopped; null for ever. Takes effect at once.',
  )
  waitingStopMinutes?: number | null;

  @ScheduleProperty('Replaces the whole schedule; null for none. Takes effect at once.')
  schedule?: ScheduleDto | null;

  @BudgetProperty('US dollars that it may spend on models in all; null for no budget. Takes effect at once.')
  budgetUsd?: number | null;

  @ApiProperty({ required: false, example: 'main', description: 'Only until the repository has been cloned.' })
  @MayBeAbsent()
  @IsGitBranch()
  repoBranch?: string;
}
