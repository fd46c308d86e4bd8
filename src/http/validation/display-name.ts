import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { buildMessage, IsString, Length, ValidateBy } from 'class-validator';

/** Control characters, line breaks, marks that change the direction of text, and halves of surrogate pairs. */
const UNSUITABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Something that is seen: neither a space nor a letter that is drawn as one. */
const VISIBLE = /[^\p{Z}\p{C}\p{Mn}\u115f\u1160\u2800\u3164\uffa0]/u;

/** Whether people can tell something by this name: one line of text, with something to see. */
export function isDisplayName(value: unknown): value is string {
  return typeof value === 'string' && VISIBLE.test(value) && !UNSUITABLE.test(value);
}

/** A name that people give, as others see it: one line, which is not blank. */
export const IsDisplayName = (maxLength: number): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ minLength: 1, maxLength }),
    IsString(),
    Length(1, maxLength),
    ValidateBy({
      name: 'isDisplayName',
      validator: {
        validate: isDisplayName,
        defaultMessage: buildMessage(
          () => '$property must be one line of text without control characters, and not blank',
        ),
      },
    }),
  );
