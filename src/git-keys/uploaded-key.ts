import { createHash, createPrivateKey } from 'node:crypto';
import { readPrivateKey } from './private-key.js';

export interface UploadedKey {
  /** As `ssh-add` reads it. */
  key: string;
  /** As `ssh-keygen -l` shows it; null for a PEM file, which does not have the public key in a form of SSH. */
  fingerprint: string | null;
}

const OPENSSH = /^-----BEGIN OPENSSH PRIVATE KEY-----$([^-]*)^-----END OPENSSH PRIVATE KEY-----$/m;
const ENCRYPTED_PEM = /^-----BEGIN ENCRYPTED PRIVATE KEY-----$|^Proc-Type: *4,ENCRYPTED$/m;
const MAGIC = Buffer.from('openssh-key-v1\0');
const PASSPHRASE =
  'has a passphrase, which nobody could type: remove it with "ssh-keygen -p -N \'\' -f key" and upload the result';
const DAMAGED = 'is a private key that is damaged';

/** The private key in a text that somebody uploads. @returns why there is none, in words that follow the property's name */
export function readUploadedKey(text: string): UploadedKey | { problem: string } {
  const found = readPrivateKey(Buffer.from(text));
  if ('problem' in found) return found;
  const key = found.key.toString();
  const openSsh = OPENSSH.exec(key)?.[1];
  if (openSsh !== undefined) {
    const parsed = parseOpenSsh(Buffer.from(openSsh, 'base64'));
    return 'problem' in parsed ? parsed : { key, fingerprint: parsed.fingerprint };
  }
  if (ENCRYPTED_PEM.test(key)) return { problem: PASSPHRASE };
  try {
    createPrivateKey(key);
  } catch {
    return { problem: DAMAGED };
  }
  return { key, fingerprint: null };
}

/** The layout is in PROTOCOL.key of OpenSSH: cipher, key derivation, its options, number of keys, public key, private part. */
function parseOpenSsh(content: Buffer): { fingerprint: string } | { problem: string } {
  if (!content.subarray(0, MAGIC.length).equals(MAGIC)) return { problem: DAMAGED };
  let at = MAGIC.length;
  const number = (): number => {
    const value = content.readUInt32BE(at);
    at += 4;
    return value;
  };
  const string = (): Buffer => {
    const length = number();
    if (at + length > content.length) throw new RangeError('beyond the end');
    at += length;
    return content.subarray(at - length, at);
  };
  try {
    const cipher = string().toString('latin1');
    string();
    string();
    if (number() !== 1) return { problem: 'is a file with several private keys: upload one of them' };
    const publicKey = string();
    const privatePart = string();
    if (cipher !== 'none') return { problem: PASSPHRASE };
    // Two equal numbers show that it was decrypted.
    if (privatePart.length < 8 || privatePart.readUInt32BE(0) !== privatePart.readUInt32BE(4))
      return { problem: DAMAGED };
    return { fingerprint: `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}` };
  } catch (error) {
    if (error instanceof RangeError) return { problem: DAMAGED };
    throw error;
  }
}
