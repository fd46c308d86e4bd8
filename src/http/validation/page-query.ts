import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';

/** Of what a list shows on one page: at most 500; the property has the default, 100. */
export const PageLimit = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ type: 'integer', required: false, default: 100, minimum: 1, maximum: 500, description }),
    IsOptional(),
    Transform(({ value }) => Number(value)),
    IsInt(),
    Min(1),
    Max(500),
  );

/** Where the page of a list begins. */
export const PageCursor = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ type: String, required: false, maxLength: 200, description: 'nextCursor of the previous page.' }),
    IsOptional(),
    IsString(),
    MaxLength(200),
  );
