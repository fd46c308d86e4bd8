import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, Matches } from 'class-validator';
import { MayBeAbsent } from '../../../http/validation/may-be-absent.js';

const MAX_PACKAGES = 100;
/** Of Debian, Fedora, SUSE and Arch, with a version. Nothing of it means something to a shell. */
const PACKAGE = /^[A-Za-z0-9][A-Za-z0-9+._:=-]{0,127}$/;

/** Names of packages of a distribution. */
export function PackagesProperty(description: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      required: false,
      type: 'array',
      maxItems: MAX_PACKAGES,
      uniqueItems: true,
      items: { type: 'string', pattern: PACKAGE.source, maxLength: 128 },
      example: ['postgresql-client'],
      description,
    }),
    MayBeAbsent(),
    IsArray(),
    ArrayMaxSize(MAX_PACKAGES),
    ArrayUnique(),
    Matches(PACKAGE, { each: true, message: 'each of $property must be the name of a package' }),
  );
}
