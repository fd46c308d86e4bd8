import type { OidcSettings } from '../../config/settings.js';

/** Who the provider says that the browser's user is. */
export interface ProviderIdentity {
  issuer: string;
  subject: string;
  /** null unless the provider has verified it. */
  email: string | null;
  name: string | null;
  groups: string[];
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * @param idToken its claims, which go before those of the user info
 * @param userInfo of the same subject
 */
export function providerIdentity(
  idToken: Claims & { iss: string; sub: string },
  userInfo: Claims,
  { groupsClaim, trustsEmail }: Pick<OidcSettings, 'groupsClaim' | 'trustsEmail'>,
): ProviderIdentity {
  return {
    issuer: idToken.iss,
    subject: idToken.sub,
    // An email is verified by the document that it is in.
    email: verifiedEmail(idToken, trustsEmail) ?? verifiedEmail(userInfo, trustsEmail),
    name: textOf(idToken['name']) ?? textOf(userInfo['name']),
    groups: groupsOf(idToken[groupsClaim] ?? userInfo[groupsClaim]),
  };
}

function verifiedEmail({ email, email_verified: isVerified }: Claims, trustsEmail: boolean): string | null {
  // Some providers send the text.
  const counts = isVerified === true || isVerified === 'true' || (isVerified === undefined && trustsEmail);
  return counts ? textOf(email) : null;
}

/** PostgreSQL stores no NUL. */
function textOf(value: unknown): string | null {
  const text = typeof value === 'string' ? value.replaceAll('\0', '').trim() : '';
  return text === '' ? null : text;
}

/** Providers send one group alone as a list or as a text. */
function groupsOf(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((group) => typeof group === 'string');
}
