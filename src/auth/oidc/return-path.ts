import { ValidateBy } from 'class-validator';

const BASE = 'http://devforge.invalid';

/**
 * A path at DevForge itself, as browsers resolve it.
 * @returns null for what they could take for the address of another server
 */
export function ownPath(path: unknown): string | null {
  if (typeof path !== 'string' || !path.startsWith('/') || !URL.canParse(path, BASE)) return null;
  const { origin, pathname, search, hash } = new URL(path, BASE);
  return origin === BASE && !pathname.startsWith('//') ? pathname + search + hash : null;
}

/** Validates that a property is a path at DevForge itself. */
export const IsOwnPath = (): PropertyDecorator =>
  ValidateBy({
    name: 'isOwnPath',
    validator: {
      validate: (value) => ownPath(value) !== null,
      defaultMessage: () => '$property must be a path of DevForge, such as /sign-in',
    },
  });
