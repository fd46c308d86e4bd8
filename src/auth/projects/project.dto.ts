import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { type ProjectQuotas, type Quota, QUOTA_NAMES, QUOTAS } from '../../persistence/types.js';
import { IMAGE_PATTERN } from '../../common/image-reference.js';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';

/** A part of a host name, without the two hyphens that separate such parts. */
export const PROJECT_NAME = /^(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*$/;
const MAX_QUOTA = 1_000_000_000;

/** The limit of one quota. */
const QuotaLimit = ({ description, decimals }: { description: string; decimals?: number }): PropertyDecorator =>
  applyDecorators(
    ApiProperty({
      type: decimals === undefined ? 'integer' : 'number',
      required: false,
      minimum: 0,
      maximum: MAX_QUOTA,
      description,
    }),
    MayBeAbsent(),
    decimals === undefined ? IsInt() : IsNumber({ allowNaN: false, allowInfinity: false, maxDecimalPlaces: decimals }),
    Min(0),
    Max(MAX_QUOTA),
  );

/** A class with a property for each quota. */
function eachQuota<Value>(decorate: (quota: Quota) => PropertyDecorator): new () => Value {
  const type = class {};
  for (const quota of QUOTA_NAMES) decorate(quota)(type.prototype, quota);
  return type as new () => Value;
}

/** How much a project may use. What is left out has no limit. */
export class ProjectQuotasDto extends eachQuota<ProjectQuotas>((quota) => QuotaLimit(QUOTAS[quota])) {}

/** What a project allows its containers to reach. */
export class ProjectEgressDto {
  @ApiProperty({ required: false, default: false, description: 'Its containers may not have the egress open.' })
  @MayBeAbsent()
  @IsBoolean()
  forbidOpen?: boolean;
}

const UsdLimit = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ type: Number, required: false, minimum: 0, maximum: MAX_QUOTA, description }),
    MayBeAbsent(),
    IsNumber({ allowNaN: false, allowInfinity: false }),
    Min(0),
    Max(MAX_QUOTA),
  );

/** What the containers of a project may spend on models together, in US dollars. What is left out has no limit. */
export class ProjectBudgetDto {
  @UsdLimit('On each day, in UTC.')
  day?: number;

  @UsdLimit('In each month, in UTC.')
  month?: number;
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

const MAX_PATTERNS = 100;

const AllowedImagesProperty = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({
      type: [String],
      required: false,
      nullable: true,
      maxItems: MAX_PATTERNS,
      items: { type: 'string', pattern: IMAGE_PATTERN.source },
      example: ['docker.io/library/debian'],
      description:
        'Patterns of the images that its containers may be made of, among those that the server allows (ALLOWED_IMAGES): whole names with registry, * for any characters; null for all of those, and an empty list for none.',
    }),
    IsOptional(),
    IsArray(),
    ArrayMaxSize(MAX_PATTERNS),
    Matches(IMAGE_PATTERN, {
      each: true,
      message: 'each of $property must be the name of an image, with * for any characters',
    }),
  );

export class CreateProjectDto {
  @ApiProperty({ example: 'web-shop', description: 'Unique; at most 32 of a-z, 0-9 and single hyphens between them.' })
  @IsString()
  @Matches(PROJECT_NAME, { message: 'name must be at most 32 of a-z, 0-9 and single hyphens between them' })
  name: string;

  @ApiProperty({ type: ProjectQuotasDto, required: false, description: 'What is left out has no limit.' })
  @Type(() => ProjectQuotasDto)
  @ValidateNested()
  quotas = new ProjectQuotasDto();

  @ApiProperty({ type: ProjectEgressDto, required: false, description: 'What is left out is allowed.' })
  @MayBeAbsent()
  @Type(() => ProjectEgressDto)
  @ValidateNested()
  egress?: ProjectEgressDto;

  @ApiProperty({ type: ProjectBudgetDto, required: false, description: 'What is left out has no limit.' })
  @MayBeAbsent()
  @Type(() => ProjectBudgetDto)
  @ValidateNested()
  budgetUsd?: ProjectBudgetDto;

  @AllowedImagesProperty()
  allowedImages?: string[] | null;
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

  @ApiProperty({
    type: ProjectEgressDto,
    required: false,
    description: 'Replaces what it allows. Containers that are open already stay so.',
  })
  @MayBeAbsent()
  @Type(() => ProjectEgressDto)
  @ValidateNested()
  egress?: ProjectEgressDto;

  @ApiProperty({
    type: ProjectBudgetDto,
    required: false,
    description: 'Replaces the budgets: what is left out has no limit. Takes effect at once.',
  })
  @MayBeAbsent()
  @Type(() => ProjectBudgetDto)
  @ValidateNested()
  budgetUsd?: ProjectBudgetDto;

  @AllowedImagesProperty()
  allowedImages?: string[] | null;
}

export class ProjectDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'web-shop' }) name: string;
  @ApiProperty({ type: ProjectQuotasDto }) quotas: ProjectQuotasDto;
  @ApiProperty({ type: ProjectEgressDto }) egress: ProjectEgressDto;
  @ApiProperty({ type: ProjectBudgetDto }) budgetUsd: ProjectBudgetDto;
  @ApiProperty({ type: [String], nullable: true, description: 'null: those of the server.' })
  allowedImages: string[] | null;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
}

export class ProjectListDto {
  @ApiProperty({ type: [ProjectDto] }) items: ProjectDto[];
}

class UsageDto {
  @ApiProperty() used: number;
  @ApiProperty({ type: Number, nullable: true, description: 'null without a limit.' }) limit: number | null;
}

const EachUsage = eachQuota<Record<Quota, UsageDto>>((quota) =>
  ApiProperty({ type: UsageDto, description: QUOTAS[quota].description }),
);

/** What a project uses, of what it may. */
export class ProjectUsageDto extends EachUsage {
  @ApiProperty({ description: 'US dollars spent on models on this day, in UTC.' }) usdToday: number;
  @ApiProperty({ description: 'US dollars spent on models in this month, in UTC.' }) usdMonth: number;
}
