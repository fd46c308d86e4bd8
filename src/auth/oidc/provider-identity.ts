import type { OidcSettings } from '../../config/settings.js';
import { isDisplayName } from '../../http/validation/display-name.js';
import { plainText } from '../../common/plain-text.js';

/** More than any name or email has. */
const MAX_CLAIM_LENGTH = 1_000;

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
    name: nameOf(idToken['name']) ?? nameOf(userInfo['name']),
    groups: groupsOf(idToken[groupsClaim] ?? userInfo[groupsClaim]),
  };
}

function verifiedEmail({ email, email_verified: isVerified }: Claims, trustsEmail: boolean): string | null {
  // Some providers send the text.
  const counts = isVerified === true || isVerified === 'true' || (isVerified === undefined && trustsEmail);
  return counts ? emailOf(email) : null;
}

/** Others see it, in logs and lists as well. */
function nameOf(value: unknown): string | null {
  const name = typeof value === 'string' ? plainText(value.replaceAll(/\s+/g, ' '), MAX_CLAIM_LENGTH).trim() : '';
  return isDisplayName(name) ? name : null;
}

function emailOf(value: unknown): string | null {
  const email = typeof value === 'string' ? value.trim() : '';
  return isDisplayName(email) ? email : null;
}

/** Providers send one group alone as a list or as a text. */
function groupsOf(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((group) => typeof group === 'string');
}
