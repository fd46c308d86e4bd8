import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { buildMessage, ValidateBy } from 'class-validator';
import { isImageReference, MAX_IMAGE_REFERENCE } from '../../../common/image-reference.js';
import { MayBeAbsent } from '../../../http/validation/may-be-absent.js';

/** The reference of an image, such as `debian:trixie` or `registry.example.org/team/image@sha256:…`. */
export function ImageProperty(description: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({
      required: false,
      minLength: 1,
      maxLength: MAX_IMAGE_REFERENCE,
      example: 'debian:trixie',
      description,
    }),
    MayBeAbsent(),
    ValidateBy({
      name: 'isImageReference',
      validator: {
        validate: (value): boolean => typeof value === 'string' && isImageReference(value),
        defaultMessage: buildMessage(
          (each) =>
            `${each}$property must be a reference of an image, such as debian:trixie or registry.example.org/team/image:1`,
        ),
      },
    }),
  );
}
