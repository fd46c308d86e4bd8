import { buildMessage, ValidateBy } from 'class-validator';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Names that take over the loader, git or what DevForge itself sets. */
const RESERVED = /^(?:LD_.*|GIT_.*|DEVFORGE_.*|NODE_OPTIONS|PATH|SSH_AUTH_SOCK|BASH_ENV|ENV)$/i;
const MAX_ENTRIES = 200;
const MAX_VALUE_LENGTH = 32_768;

/** Why the environment is refused, or undefined. */
export function envMapError(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object of strings';
  const entries = Object.entries(value);
  if (entries.length > MAX_ENTRIES) return `must not have more than ${MAX_ENTRIES} entries`;
  for (const [name, content] of entries) {
    if (!NAME.test(name)) return `has a name that is not valid: ${JSON.stringify(name.slice(0, 64))}`;
    if (RESERVED.test(name)) return `must not set ${name}`;
    if (typeof content !== 'string') return `must give ${name} a string`;
    if (/[\n\r]/.test(content) || content.includes('\0')) return `must not have line breaks or NUL in ${name}`;
    if (content.length > MAX_VALUE_LENGTH) return `must not have more than ${MAX_VALUE_LENGTH} characters in ${name}`;
  }
  return undefined;
}

export function IsEnvMap(): PropertyDecorator {
  return ValidateBy({
    name: 'isEnvMap',
    validator: {
      validate: (value): boolean => envMapError(value) === undefined,
      defaultMessage: buildMessage((each, args) => `${each}$property ${envMapError(args?.value)}`),
    },
  });
}
