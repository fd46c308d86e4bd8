import { buildMessage, ValidateBy } from 'class-validator';

const MAX_LENGTH = 2_048;
const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
/** Forges put the user or the organisation into the URLs that they show; a user may be an e-mail address. */
const HTTPS_USER = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/;
/** Prefixes of the tokens of forges, and what is too long and too random for a name. */
const TOKEN = /^(?:gh[a-z]_|github_pat_|gl(?:pat|dt|rt|ptt|cbt|soat|ft)-|ATBB|ATCTT|hf_)|^(?=.*\d)[A-Za-z0-9]{32,}$/;
const SCP_FORM = /^(?<user>[^@:/]+)@(?<host>\[[^\]/@]+\]|[^:/@[\]]+):(?<path>.+)$/;
/** Characters that a terminal, a shell or a line-based protocol may interpret. */
const UNPRINTABLE = /[\p{Cc}\p{Cs} \u2028\u2029]/u;
/** Git and `URL` parse these differently: a backslash, and encoded control characters, which git decodes. */
const AMBIGUOUS = /\\|%(?:[01][0-9a-f]|7f)/i;
const SECRET = 'must not carry a password or token: use an SSH key (sshKeyPath)';

/** @returns why the URL is refused, in words that follow the name of the property; undefined for a valid one */
export function gitUrlError(url: string): string | undefined {
  if (url.length > MAX_LENGTH) return `must not be longer than ${MAX_LENGTH} characters`;
  if (UNPRINTABLE.test(url)) return 'must not contain spaces or control characters';
  if (AMBIGUOUS.test(url)) return 'must not contain backslashes or encoded control characters';
  if (url.startsWith('-')) return 'must not start with "-"';
  // Repositories have neither, and tokens are passed in both.
  if (/[?#]/.test(url)) return 'must not have a query or a fragment';
  const scp = SCP_FORM.exec(url);
  if (scp?.groups !== undefined && !url.includes('://'))
    return userError(scp.groups['user']!, 'ssh:') ?? addressError(scp.groups['host']!, scp.groups['path']!);
  if (url.startsWith('https://') || url.startsWith('ssh://')) return parsedUrlError(url);
  return 'must be https://…, ssh://… or user@host:path';
}

function parsedUrlError(url: string): string | undefined {
  if (!URL.canParse(url)) return 'is not a valid URL';
  const { protocol, hostname, username, pathname } = new URL(url);
  const [authority = ''] = url.slice(`${protocol}//`.length).split('/');
  const userInfo = authority.slice(0, Math.max(authority.lastIndexOf('@'), 0));
  if (userInfo.includes(':')) return SECRET;
  const user = decodeURIComponentSafely(username);
  if (user === undefined || userInfo.includes('@')) return 'is not a valid URL';
  return (user === '' ? undefined : userError(user, protocol)) ?? addressError(hostname, pathname.slice(1));
}

function userError(user: string, protocol: string): string | undefined {
  if (protocol === 'https:' && TOKEN.test(user)) return SECRET;
  return (protocol === 'https:' ? HTTPS_USER : USER).test(user) ? undefined : 'has a user name that is not allowed';
}

function addressError(host: string, path: string): string | undefined {
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
