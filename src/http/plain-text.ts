import { buildMessage, ValidateBy, type ValidationOptions } from 'class-validator';

/** Text that a program can be given as an argument or a path: every character is one, and none is NUL. */
export function IsPlainText(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isPlainText',
      validator: {
        validate: (value): boolean => typeof value === 'string' && value.isWellFormed() && !value.includes('\0'),
        defaultMessage: buildMessage(
          (each) => `${each}$property must be text without NUL and halves of characters`,
          options,
        ),
      },
    },
    options,
  );
}
