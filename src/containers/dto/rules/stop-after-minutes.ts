import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min, ValidateIf } from 'class-validator';
import { LIMITS } from '../../../common/limits.js';

/** Minutes after which a container is stopped; null for never. */
export function StopAfterMinutes(description: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      type: 'integer',
      required: false,
      nullable: true,
      minimum: 1,
      maximum: LIMITS.stopAfterMinutes,
      description,
    }),
    ValidateIf((_, value) => value !== undefined && value !== null),
    IsInt(),
    Min(1),
    Max(LIMITS.stopAfterMinutes),
  );
}
