import type { FieldError } from '../common/errors/domain-error.js';
import { DomainError } from '../common/errors/domain-error.js';
import { parseHostAndPort } from '../common/host-and-port.js';
import { readUploadedKey } from '../git-keys/uploaded-key.js';
import { validationFailed } from '../http/validation/validation.js';
import type { CredentialRow } from '../persistence/credentials/credentials.repository.js';
import type { CredentialKind } from '../persistence/types.js';
import type { CreateCredentialDto } from './credential.dto.js';

type Destination = 'host' | 'username' | 'header';
type Faults = FieldError[];

/** A credential in the form in which it is stored, before its value is encrypted. */
export type CheckedCredential = Pick<CredentialRow, Destination | 'fingerprint'> & { value: string };

/** Visible ASCII: all that a key or a token consists of. */
const TOKEN = /^[\x21-\x7e]{8,4096}$/;
const HEADER_VALUE = /^[\x20-\x7e\t]{1,4096}$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
/** What belongs to the connection and not to the request, and what says where a request goes. */
const REFUSED_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|keep-alive|proxy-.*|expect|cookie2?)$/i;
/** As a user name of HTTP's basic authentication. */
const USERNAME = /^[\x21-\x39\x3b-\x7e]{1,256}$/;
/** Forges take any name with a token; GitHub documents this one. */
const DEFAULT_USERNAME = 'x-access-token';
const DEFAULT_HEADER = 'Authorization';

/** What a kind needs to know of where it goes, and what it may. */
const DESTINATIONS: Record<CredentialKind, Record<Destination, 'required' | 'optional' | 'refused'>> = {
  anthropic_api_key: { host: 'refused', username: 'refused', header: 'refused' },
  claude_oauth_token: { host: 'refused', username: 'refused', header: 'refused' },
  git_https_token: { host: 'required', username: 'optional', header: 'refused' },
  ssh_key: { host: 'optional', username: 'refused', header: 'refused' },
  http_header: { host: 'required', username: 'refused', header: 'optional' },
};

/**
 * Validates a new credential by its kind. No message has anything of the value.
 * @throws DomainError `validation_failed`, `ssh_key_not_usable`
 */
export function checkedCredential(dto: CreateCredentialDto): CheckedCredential {
  const faults = destinationFaults(dto);
  const host = dto.host === undefined ? null : hostOf(dto, faults);
  if (dto.username !== undefined && !USERNAME.test(dto.username))
    faults.push({ field: 'username', messages: ['must be visible ASCII characters without ":"'] });
  if (dto.header !== undefined && (!HEADER_NAME.test(dto.header) || REFUSED_HEADERS.test(dto.header)))
    faults.push({ field: 'header', messages: ['must be the name of a header that a request may have'] });
  const value = dto.kind === 'ssh_key' ? dto.value : dto.value.trim();
  const problem = valueProblem(dto.kind, value);
  if (problem !== undefined) faults.push({ field: 'value', messages: [problem] });
  if (faults.length > 0) throw validationFailed(faults);
  return {
    ...(dto.kind === 'ssh_key' ? uploaded(value) : { value, fingerprint: null }),
    host,
    username: dto.kind === 'git_https_token' ? (dto.username ?? DEFAULT_USERNAME) : null,
    header: dto.kind === 'http_header' ? (dto.header ?? DEFAULT_HEADER) : null,
  };
}

function destinationFaults(dto: CreateCredentialDto): Faults {
  return Object.entries(DESTINATIONS[dto.kind]).flatMap(([field, rule]) => {
    const isThere = dto[field as Destination] !== undefined;
    if (rule === 'required' && !isThere) return [{ field, messages: [`is required with the kind ${dto.kind}`] }];
    return rule === 'refused' && isThere ? [{ field, messages: [`is not for the kind ${dto.kind}`] }] : [];
  });
}

function hostOf({ kind, host = '' }: CreateCredentialDto, faults: Faults): string | null {
  const parsed = parseHostAndPort(host);
  if (parsed === null) {
    faults.push({ field: 'host', messages: ['must be a host name, such as example.org or example.org:8443'] });
    return null;
  }
  const usual = kind === 'ssh_key' ? 22 : 443;
  return parsed.port === null || parsed.port === usual ? parsed.host : `${parsed.host}:${parsed.port}`;
}

function valueProblem(kind: CredentialKind, value: string): string | undefined {
  switch (kind) {
    case 'ssh_key':
      return undefined;
    case 'http_header':
      return HEADER_VALUE.test(value) ? undefined : 'must be 1 to 4096 ASCII characters on one line';
    case 'anthropic_api_key':
      if (value.startsWith('sk-ant-oat')) return 'is an OAuth token: use the kind claude_oauth_token';
      break;
    case 'claude_oauth_token':
      if (value.startsWith('sk-ant-api')) return 'is an API key: use the kind anthropic_api_key';
      break;
    case 'git_https_token':
  }
  return TOKEN.test(value) ? undefined : 'must be 8 to 4096 visible ASCII characters';
}

function uploaded(text: string): { value: string; fingerprint: string | null } {
  const found = readUploadedKey(text);
  if (!('problem' in found)) return { value: found.key, fingerprint: found.fingerprint };
  throw new DomainError('ssh_key_not_usable', `The value ${found.problem}.`, {
    fields: [{ field: 'value', messages: [found.problem] }],
  });
}
