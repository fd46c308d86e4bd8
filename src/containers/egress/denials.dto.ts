import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import type { EgressDenial } from '@devforge/contract';
import { EgressRuleDto } from '../../egress/egress.dto.js';
import { EGRESS_DENIAL_REASONS, type EgressDenialReason } from '../../persistence/types.js';

const MAX_LIMIT = 1_000;

export class DenialsQuery {
  @ApiProperty({
    type: 'integer',
    required: false,
    default: 0,
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'The `seq` of the last one that is known.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  after = 0;

  @ApiProperty({
    type: 'integer',
    required: false,
    default: MAX_LIMIT,
    minimum: 1,
    maximum: MAX_LIMIT,
    description: 'How many.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_LIMIT)
  limit = MAX_LIMIT;
}

/** A connection that was refused. */
export class EgressDenialDto implements EgressDenial {
  @ApiProperty({ type: 'integer', description: 'Counts the denials of the container, from 1.' }) seq: number;
  @ApiProperty({ format: 'date-time' }) at: string;
  @ApiProperty({ description: 'As the container asked for it.' }) host: string;
  @ApiProperty({ type: 'integer' }) port: number;
  @ApiProperty({
    enum: EGRESS_DENIAL_REASONS,
    description:
      'not_allowed: no rule names it; private_address: it is not a public address; host_mismatch: TLS or HTTP named another host; protocol: neither TLS, nor SSH on a port other than 443, nor plain HTTP as a proxy is asked for it.',
  })
  reason: EgressDenialReason;
  @ApiProperty({ type: 'integer', description: 'Of the same destination for the same reason, since the one before.' })
  attempts: number;
  @ApiProperty({
    type: EgressRuleDto,
    nullable: true,
    description: 'The rule that would allow it; null when none can.',
  })
  rule: EgressRuleDto | null;
}

export class EgressDenialListDto {
  @ApiProperty({ type: [EgressDenialDto] }) items: EgressDenialDto[];
}
