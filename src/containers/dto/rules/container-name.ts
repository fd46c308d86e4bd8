import { applyDecorators } from '@nestjs/common';
import { IsString, Matches } from 'class-validator';
import { CONTAINER_NAME } from '../../../workspace/container-names.js';

const NOT_AN_ID = /^(?![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)/;

/** A DNS label that cannot be taken for an id. */
export const IsContainerName = (): PropertyDecorator =>
  applyDecorators(
    IsString(),
    Matches(CONTAINER_NAME, {
      message: 'name must be a DNS label: 1 to 63 of a-z, 0-9 and -, not starting or ending with -',
    }),
    Matches(NOT_AN_ID, { message: 'name must not have the form of an id' }),
  );
