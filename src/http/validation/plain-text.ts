import { buildMessage, ValidateBy, type ValidationOptions } from 'class-validator';

/** Text that can be passed to a program as an argument or a path: well-formed Unicode without NUL. */
export function IsPlainText(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isPlainText',
      validator: {
        validate: isPlainText,
        defaultMessage: buildMessage(
          (each) => `${each}$property must be well-formed Unicode text without NUL`,
          options,
        ),
      },
    },
    options,
  );
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\0');
}
