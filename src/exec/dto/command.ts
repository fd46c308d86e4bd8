import { ValidateBy } from 'class-validator';
import { isPlainText } from '../../http/validation/plain-text.js';

export const MAX_ARGUMENTS = 1_000;

/** A program with its arguments. A line of shell is a frequent mistake, so its message says the form of a list. */
export function IsCommand(): PropertyDecorator {
  return ValidateBy({
    name: 'isCommand',
    validator: { validate: (value) => faultOf(value) === null, defaultMessage: (args) => faultOf(args?.value) ?? '' },
  });
}

function faultOf(value: unknown): string | null {
  if (!Array.isArray(value))
    return 'command must be a list of the program and its arguments, such as ["ls", "-la"]; for a line of shell, ["sh", "-c", "ls | wc -l"]';
  if (value.length === 0 || value.length > MAX_ARGUMENTS)
    return `command must be a list of 1 to ${MAX_ARGUMENTS} texts`;
  return value.every(isPlainText) ? null : 'each value in command must be text, of well-formed Unicode without NUL';
}
