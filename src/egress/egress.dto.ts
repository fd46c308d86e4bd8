import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateNested,
  buildMessage,
} from 'class-validator';
import { MayBeAbsent } from '../http/validation/may-be-absent.js';
import { IsPlainText } from '../http/validation/plain-text.js';
import { EGRESS_MODES, EGRESS_SETS, type EgressMode, type EgressSet } from '../persistence/types.js';
import { parseEgressHost } from './egress-host.js';

const MAX_RULES = 100;
const MAX_PORTS = 16;
const HTTPS = 443;

function IsEgressHost(): PropertyDecorator {
  const problemOf = (value: unknown): string | undefined => {
    if (typeof value !== 'string') return 'must be a string';
    const parsed = parseEgressHost(value);
    return 'problem' in parsed ? parsed.problem : undefined;
  };
  return ValidateBy({
    name: 'isEgressHost',
    validator: {
      validate: (value): boolean => problemOf(value) === undefined,
      defaultMessage: buildMessage((each, args) => `${each}$property ${problemOf(args?.value)}`),
    },
  });
}

/** A host that a container may reach. */
export class EgressRuleDto {
  @ApiProperty({
    maxLength: 255,
    example: 'api.example.org',
    description: 'A host name, or *. and a domain, which stands for every name below it. No addresses.',
  })
  @IsPlainText()
  @MaxLength(255)
  @IsEgressHost()
  host: string;

  @ApiProperty({
    type: 'array',
    items: { type: 'integer', minimum: 1, maximum: 65_535 },
    required: false,
    minItems: 1,
    maxItems: MAX_PORTS,
    default: [HTTPS],
    description: '443 by default. TLS on any port, SSH on any but 443, plain HTTP as a proxy is asked for it.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_PORTS)
  @ArrayUnique()
  @IsInt({ each: true })
  @Min(1, { each: true })
  @Max(65_535, { each: true })
  ports: number[] = [HTTPS];
}

/** What a container may reach. */
export const EgressModeProperty = (description: string): PropertyDecorator =>
  applyDecorators(ApiProperty({ enum: EGRESS_MODES, required: false, description }), MayBeAbsent(), IsIn(EGRESS_MODES));

export const EgressAllowProperty = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ type: [EgressRuleDto], required: false, maxItems: MAX_RULES, description }),
    MayBeAbsent(),
    IsArray(),
    ArrayMaxSize(MAX_RULES),
    ValidateNested({ each: true }),
    Type(() => EgressRuleDto),
  );

export const EgressSetsProperty = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ enum: EGRESS_SETS, isArray: true, required: false, uniqueItems: true, description }),
    MayBeAbsent(),
    IsArray(),
    ArrayUnique(),
    IsIn(EGRESS_SETS, { each: true }),
  );

export const UPDATE_EGRESS_EXAMPLES = {
  restricted: {
    summary: 'The repository, the model, and one more host',
    value: { egress: 'restricted', egressSets: ['git', 'model'], egressAllow: [{ host: 'api.example.org' }] },
  },
  none: { summary: 'Nothing', value: { egress: 'none' } },
};

/** Changes of what a container may reach. What is not given stays as it is. */
export class UpdateEgressDto {
  @EgressModeProperty(
    'open: everything; restricted: what the rules name; none: nothing but the API of the model with a stored credential.',
  )
  egress?: EgressMode;

  @EgressAllowProperty('Replaces the rules of the container. They count in the mode restricted.')
  egressAllow?: EgressRuleDto[];

  @EgressSetsProperty('Replaces the sets of rules. They count in the mode restricted.')
  egressSets?: EgressSet[];
}
