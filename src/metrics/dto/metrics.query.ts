import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000 };

export class MetricsQuery {
  @ApiProperty({
    required: false,
    pattern: '^[1-9][0-9]{0,3}[smh]$',
    example: '15m',
    description: 'Returns the samples of this time span instead of a current one; those of one hour are kept.',
  })
  @IsOptional()
  @Matches(/^[1-9]\d{0,3}[smh]$/, { message: 'window must be a number with s, m or h, such as 15m' })
  window?: string;
}

/** @returns milliseconds */
export function windowMs(window: string): number {
  return Number(window.slice(0, -1)) * UNIT_MS[window.slice(-1)]!;
}
