import { buildMessage, ValidateBy } from 'class-validator';

/** Refuses a property unless the others allow it. */
export function IsForbiddenUnless<Dto extends object>(
  allowed: (dto: Dto) => boolean,
  message: string,
): PropertyDecorator {
  return ValidateBy({
    name: 'isForbiddenUnless',
    validator: {
      validate: (value, args): boolean => value === undefined || allowed(args?.object as Dto),
      defaultMessage: buildMessage((each) => `${each}$property ${message}`),
    },
  });
}
