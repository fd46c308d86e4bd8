import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsUUID } from 'class-validator';
import { asId } from '../../common/id-generator.js';

/** An id, or with `each` a list of them, in lower case whatever the client sends. */
export function IsId({ each = false, message }: { each?: boolean; message?: string } = {}): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value.map(lowerCased) : lowerCased(value))),
    IsUUID(undefined, { each, ...(message === undefined ? {} : { message }) }),
  );
}

function lowerCased(value: unknown): unknown {
  return typeof value === 'string' ? (asId(value) ?? value) : value;
}
