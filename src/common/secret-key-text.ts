const BYTES = 32;
const HEX_LENGTH = 64;
const ONE = '(?:[A-Za-z0-9+/_-]{43}=?|[0-9a-fA-F]{64})';
const KEY = new RegExp(`^${ONE}$`);

/** Keys of 32 bytes in base64, base64url or hexadecimal, separated by commas. */
export const SECRET_KEYS = new RegExp(`^${ONE}(?:\\s*,\\s*${ONE})*$`);

/** @throws Error for what is not one key */
export function decodeSecretKey(text: string): Buffer {
  // Base64 of 32 bytes has 43 characters and its padding.
  const key = KEY.test(text) ? Buffer.from(text, text.length === HEX_LENGTH ? 'hex' : 'base64') : undefined;
  if (key?.length !== BYTES) throw new Error('is not a key of 32 bytes in base64 or hexadecimal');
  return key;
}
