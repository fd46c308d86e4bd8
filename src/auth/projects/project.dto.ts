import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsNumber, IsString, Matches, Max, Min, ValidateNested } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';

/** A part of a host name, without the two hyphens that separate such parts. */
const PROJECT_NAME = /^(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*$/;
const MAX_QUOTA = 1_000_000_000;

/** A quota that is a whole number. */
const WholeQuota = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ type: 'integer', required: false, minimum: 0, maximum: MAX_QUOTA, description }),
    MayBeAbsent(),
    IsInt(),
    Min(0),
    Max(MAX_QUOTA),
  );

/** How much the containers of a project may use together. What is left out has no limit. */
export class ProjectQuotasDto {
  @WholeQuota('Containers, stopped ones included.')
  containers?: number;

  @WholeQuota('Containers that run, or are about to.')
  running?: number;

  @ApiProperty({
    type: Number,
    required: false,
    minimum: 0,
    maximum: MAX_QUOTA,
    description: 'Cores of all containers.',
  })
  @MayBeAbsent()
  @IsNumber({ allowNaN: false, allowInfinity: false, maxDecimalPlaces: 3 })
  @Min(0)
  @Max(MAX_QUOTA)
  cpu?: number;

  @WholeQuota('MiB of memory of all containers.')
  memoryMB?: number;

  @WholeQuota('MiB of disk space of all containers.')
  diskMB?: number;
}

export const CREATE_PROJECT_EXAMPLES = {
  unlimited: { summary: 'Without quotas', value: { name: 'web-shop' } },
  limited: {
    summary: 'Ten containers, of which four run, on half of a machine with 16 cores',
    value: { name: 'web-shop', quotas: { containers: 10, running: 4, cpu: 8, memoryMB: 32_768 } },
  },
};

export const UPDATE_PROJECT_EXAMPLES = {
  rename: { summary: 'Another name', value: { name: 'shop' } },
  quotas: { summary: 'Other quotas, instead of all those before', value: { quotas: { running: 8 } } },
};

export class CreateProjectDto {
  @ApiProperty({ example: 'web-shop', description: 'Unique; at most 32 of a-z, 0-9 and single hyphens between them.' })
  @IsString()
  @Matches(PROJECT_NAME, { message: 'name must be at most 32 of a-z, 0-9 and single hyphens between them' })
  name: string;

  @ApiProperty({ type: ProjectQuotasDto, required: false, description: 'What is left out has no limit.' })
  @Type(() => ProjectQuotasDto)
  @ValidateNested()
  quotas = new ProjectQuotasDto();
}

export class UpdateProjectDto {
  @ApiProperty({ required: false, example: 'web-shop', description: 'As on creation.' })
  @MayBeAbsent()
  @IsString()
  @Matches(PROJECT_NAME, { message: 'name must be at most 32 of a-z, 0-9 and single hyphens between them' })
  name?: string;

  @ApiProperty({
    type: ProjectQuotasDto,
    required: false,
    description: 'Replaces all quotas: what is left out has no limit.',
  })
  @MayBeAbsent()
  @Type(() => ProjectQuotasDto)
  @ValidateNested()
  quotas?: ProjectQuotasDto;
}

export class ProjectDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'web-shop' }) name: string;
  @ApiProperty({ type: ProjectQuotasDto }) quotas: ProjectQuotasDto;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
}

export class ProjectListDto {
  @ApiProperty({ type: [ProjectDto] }) items: ProjectDto[];
}

class UsageDto {
  @ApiProperty() used: number;
  @ApiProperty({ type: Number, nullable: true, description: 'null without a limit.' }) limit: number | null;
}

/** What the containers of a project use together, of what they may. */
export class ProjectUsageDto {
  @ApiProperty({ type: UsageDto }) containers: UsageDto;
  @ApiProperty({ type: UsageDto }) running: UsageDto;
  @ApiProperty({ type: UsageDto, description: 'Cores.' }) cpu: UsageDto;
  @ApiProperty({ type: UsageDto, description: 'MiB.' }) memoryMB: UsageDto;
  @ApiProperty({ type: UsageDto, description: 'MiB.' }) diskMB: UsageDto;
}
