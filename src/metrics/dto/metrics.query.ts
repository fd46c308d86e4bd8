import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, ValidateBy } from 'class-validator';

const FORM = /^[1-9]\d{0,3}[smh]$/;
const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000 };
/** How long samples are kept. */
const MAX_WINDOW_MS = 3_600_000;

export class MetricsQuery {
  @ApiProperty({
    required: false,
    // Those of one hour: 1h, up to 60m, up to 3600s.
    pattern: '^(1h|([1-9]|[1-5][0-9]|60)m|([1-9][0-9]{0,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)s)$',
    example: '15m',
    description:
      'Returns the samples of this time span instead of a current one: a number with s, m or h, from 1s to 1h, for which samples are kept.',
  })
  @IsOptional()
  @ValidateBy({
    name: 'isWindow',
    validator: {
      validate: (value) => typeof value === 'string' && FORM.test(value) && windowMs(value) <= MAX_WINDOW_MS,
      defaultMessage: () => 'window must be a number with s, m or h, such as 15m, from 1s to 1h',
    },
  })
  window?: string;
}

/** @returns milliseconds */
export function windowMs(window: string): number {
  return Number(window.slice(0, -1)) * UNIT_MS[window.slice(-1)]!;
}
