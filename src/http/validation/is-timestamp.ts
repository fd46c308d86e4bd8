import { isRFC3339, ValidateBy } from 'class-validator';

/** The latest timestamp whose text form JavaScript and PostgreSQL share. */
export const LATEST_TIMESTAMP = Date.UTC(9999, 11, 31);

/**
 * Validates an RFC 3339 timestamp.
 * @param isUsable what is asked of it beyond the form; that JavaScript can read it, which excludes leap seconds, by default
 */
export function IsTimestamp(
  isUsable: (text: string) => boolean = (text) => !Number.isNaN(Date.parse(text)),
): PropertyDecorator {
  return ValidateBy({
    name: 'isTimestamp',
    validator: {
      validate: (value: unknown): boolean => isRFC3339(value) && isUsable(value as string),
      defaultMessage: () => '$property must be an RFC 3339 timestamp',
    },
  });
}
