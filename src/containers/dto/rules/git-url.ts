import { buildMessage, ValidateBy } from 'class-validator';

const MAX_LENGTH = 2_048;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const SCP_FORM = /^(?<user>[^@:/]+)@(?<host>[^:/@]+):(?<path>.+)$/;
/** Characters that a terminal, a shell or a line-based protocol may interpret. */
const UNPRINTABLE = /[\p{Cc} \u2028\u2029]/u;
/** Git and `URL` parse these differently: a backslash, and encoded control characters, which git decodes. */
const AMBIGUOUS = /\\|%(?:[01][0-9a-f]|7f)/i;

/** @returns why the URL is refused, in words that follow the name of the property; undefined for a valid one */
export function gitUrlError(url: string): string | undefined {
  if (url.length > MAX_LENGTH) return `must not be longer than ${MAX_LENGTH} characters`;
  if (UNPRINTABLE.test(url)) return 'must not contain spaces or control characters';
  if (AMBIGUOUS.test(url)) return 'must not contain backslashes or encoded control characters';
  if (url.startsWith('-')) return 'must not start with "-"';
  const scp = SCP_FORM.exec(url);
  if (scp?.groups !== undefined && !url.includes('://'))
    return partsError(scp.groups['user']!, scp.groups['host']!, scp.groups['path']!);
  if (url.startsWith('https://') || url.startsWith('ssh://')) return parsedUrlError(url);
  return 'must be https://…, ssh://… or user@host:path';
}

function parsedUrlError(url: string): string | undefined {
  if (!URL.canParse(url)) return 'is not a valid URL';
  const { protocol, hostname, username, password, pathname } = new URL(url);
  if (password !== '' || (protocol === 'https:' && username !== '')) {
    return 'must not carry a password or token: use an SSH key (sshKeyPath)';
  }
  if (decodeURIComponentSafely(username) === undefined) return 'is not a valid URL';
  return partsError(username === '' ? 'git' : decodeURIComponentSafely(username)!, hostname, pathname.slice(1));
}

function partsError(user: string, host: string, path: string): string | undefined {
  if (!USER.test(user)) return 'has a user name that is not allowed';
  if (!HOST.test(host)) return 'has a host name that is not valid';
  if (path === '' || path === '/') return 'names no repository';
  if (path.startsWith('-') || path.startsWith('/-')) return 'has a path that starts with "-"';
  return undefined;
}

function decodeURIComponentSafely(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export function IsGitUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isGitUrl',
    validator: {
      validate: (value): boolean => typeof value === 'string' && gitUrlError(value) === undefined,
      defaultMessage: buildMessage(
        (each, args) =>
          `${each}$property ${typeof args?.value === 'string' ? gitUrlError(args.value) : 'must be a string'}`,
      ),
    },
  });
}
