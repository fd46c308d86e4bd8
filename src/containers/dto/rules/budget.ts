import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsNumber, IsOptional, Max, Min } from 'class-validator';

const MIN_USD = 0.000_001;
const MAX_USD = 1_000_000;

/** A budget in US dollars; null for none. */
export function BudgetProperty(description: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: Number, required: false, nullable: true, minimum: MIN_USD, maximum: MAX_USD, description }),
    IsOptional(),
    IsNumber({ allowNaN: false, allowInfinity: false }),
    Min(MIN_USD),
    Max(MAX_USD),
  );
}
