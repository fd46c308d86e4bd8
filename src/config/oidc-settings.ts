import { IsIn, IsOptional, IsString, IsUrl, Matches } from 'class-validator';
import type { GroupRole, OidcSettings } from './settings.js';

/** A group's name may contain anything but a comma. */
const GROUP_ROLES = /^\s*(?:[^,]+=\s*(?:admin|user|[a-z0-9-]+:(?:viewer|member|owner))\s*(?:,\s*|$))*$/;
/** Plain HTTP only where nobody is between. */
const ISSUER = /^https:\/\/|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$)/;
const MAX_NAME_LENGTH = 40;

/** The environment variables of sign-in by an OpenID provider. */
export class OidcEnvironment {
  @IsOptional()
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  @Matches(ISSUER, { message: 'OIDC_ISSUER must start with https://, unless it is on localhost' })
  OIDC_ISSUER?: string;

  @IsOptional()
  @IsString()
  OIDC_CLIENT_ID?: string;

  @IsOptional()
  @IsString()
  OIDC_CLIENT_SECRET?: string;

  @IsOptional()
  @Matches(new RegExp(`^.{1,${MAX_NAME_LENGTH}}$`), {
    message: `OIDC_NAME must have ${MAX_NAME_LENGTH} characters at most`,
  })
  OIDC_NAME?: string;

  @Matches(/(?:^|\s)openid(?:\s|$)/, { message: 'OIDC_SCOPES must contain openid' })
  OIDC_SCOPES = 'openid email profile';

  @IsIn(['true', 'false'])
  OIDC_TRUST_EMAIL = 'false';

  @IsString()
  OIDC_NEW_USER_DOMAINS = '';

  @IsString()
  OIDC_GROUPS_CLAIM = 'groups';

  @Matches(GROUP_ROLES, {
    message: 'OIDC_GROUP_ROLES must be like staff=web-shop:member,operations=admin,everybody=user',
  })
  OIDC_GROUP_ROLES = '';
}

/** What of the three that belong together is missing. */
export function missingOidcVariables({ OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET }: OidcEnvironment): string[] {
  const needed = { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET };
  const missing = Object.entries(needed).filter(([, value]) => value === undefined);
  if (missing.length === 3) return [];
  return missing.map(([name]) => `${name} must be set, too: OIDC_ISSUER, its client id and secret belong together`);
}

export function oidcSettings(env: OidcEnvironment): OidcSettings | null {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = env;
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return null;
  return {
    issuer,
    clientId,
    clientSecret,
    name: env.OIDC_NAME ?? new URL(issuer).hostname,
    scopes: env.OIDC_SCOPES,
    trustsEmail: env.OIDC_TRUST_EMAIL === 'true',
    newUserDomains: listOf(env.OIDC_NEW_USER_DOMAINS).map((domain) => domain.toLowerCase()),
    groupsClaim: env.OIDC_GROUPS_CLAIM,
    groupRoles: listOf(env.OIDC_GROUP_ROLES).map(groupRole),
  };
}

function groupRole(text: string): GroupRole {
  const at = text.lastIndexOf('=');
  const group = text.slice(0, at).trim();
  const target = text.slice(at + 1).trim();
  if (target === 'admin' || target === 'user') return { group, kind: 'platform', role: target };
  const [project = '', role] = target.split(':');
  return { group, kind: 'project', project, role: role as 'viewer' | 'member' | 'owner' };
}

/** The entries of a list that is separated by commas. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}
