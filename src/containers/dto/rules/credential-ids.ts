import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray } from 'class-validator';
import { IsId } from '../../../http/validation/is-id.js';
import { MayBeAbsent } from '../../../http/validation/may-be-absent.js';

const MAX_CREDENTIALS = 20;

/** Ids of credentials that a container may use. */
export function ContainerCredentialIds(description: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      type: [String],
      required: false,
      maxItems: MAX_CREDENTIALS,
      uniqueItems: true,
      description,
    }),
    MayBeAbsent(),
    IsArray(),
    ArrayMaxSize(MAX_CREDENTIALS),
    ArrayUnique(),
    IsId({ each: true, message: 'credentials must be ids: GET /api/credentials has them' }),
  );
}
