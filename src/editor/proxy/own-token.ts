const SEPARATORS = /[\s,;="]+/;

/** Whether an `Authorization` header contains a secret in any form: as a whole, after any scheme, or in basic credentials. */
export function containsToken(header: string, isToken: (text: string) => boolean): boolean {
  const words = header.split(SEPARATORS).filter((word) => word !== '');
  return words.some((word) => isToken(word) || basicCredentials(word).some(isToken)) || isToken(header.trim());
}

/** The whole of decoded credentials too, since a token can be a user name without a password. */
function basicCredentials(word: string): string[] {
  const decoded = Buffer.from(word, 'base64').toString('utf8');
  const at = decoded.indexOf(':');
  return at < 0 ? [decoded] : [decoded.slice(0, at), decoded.slice(at + 1)];
}
