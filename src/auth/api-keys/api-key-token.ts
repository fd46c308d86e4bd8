import { formatSecretToken, parseSecretToken, type SecretToken } from '../credentials/secret-token.js';

const PREFIX = 'df_';

/** What a client presents: `df_<id>_<secret>`. */
export function formatApiKey(token: SecretToken): string {
  return PREFIX + formatSecretToken(token);
}

/** @returns undefined for any other text */
export function parseApiKey(text: string): SecretToken | undefined {
  return text.startsWith(PREFIX) ? parseSecretToken(text.slice(PREFIX.length)) : undefined;
}
