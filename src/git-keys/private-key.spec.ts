import { describe, expect, it } from '@jest/globals';
import { isPublicKey, readPrivateKey } from './private-key.js';

const sshString = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};
/** The beginning of a file of OpenSSH, with the type of its key. */
const openSsh = (type: string): string => {
  const content = [Buffer.from('openssh-key-v1\0'), ...['none', 'none', '', type].map(sshString)];
  const base64 = Buffer.concat(content).toString('base64').replaceAll(/.{20}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`;
};
const KEY = openSsh('ssh-ed25519');
const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');

describe('readPrivateKey', () => {
  it.each([
    ['as it should be', KEY],
    ['without its last line end', KEY.trimEnd()],
    ['with blank lines around it', `\n\n${KEY}\n\n`],
    ['with CRLF', KEY.replaceAll('\n', '\r\n')],
    ['with CRLF and no last line end', KEY.trimEnd().replaceAll('\n', '\r\n')],
    ['with CR alone', KEY.replaceAll('\n', '\r')],
    ['with spaces at the ends of lines', KEY.replaceAll('\n', ' \t\n')],
    ['with a byte order mark', `\uFEFF${KEY}`],
    ['with a byte order mark and CRLF', `\uFEFF${KEY.replaceAll('\n', '\r\n')}`],
    ['in UTF-16', utf16(KEY)],
    ['in UTF-16, the other order', utf16(KEY).swap16()],
  ])('returns a key %s as OpenSSH reads it', (_how, file) => {
    expect(readPrivateKey(Buffer.from(file as string))).toEqual({ key: Buffer.from(KEY) });
  });

  it.each(['RSA ', 'EC ', 'DSA ', 'ENCRYPTED ', ''])('takes a PEM file of the kind %j', (kind) => {
    const pem = `-----BEGIN ${kind}PRIVATE KEY-----\nc2VjcmV0\n-----END ${kind}PRIVATE KEY-----\n`;
    expect(readPrivateKey(Buffer.from(pem))).toEqual({ key: Buffer.from(pem) });
  });

  it.each([
    ['is a PuTTY key', 'PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n'],
    ['is a PuTTY key', 'PuTTY-User-Key-File-2: ssh-rsa\n'],
    [
      'is a key in the format of ssh.com',
      '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nx\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n',
    ],
    ['is a public key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@example\n'],
    ['is a public key', 'ecdsa-sha2-nistp256 AAAAE2VjZHNh me@example'],
    ['is a public key', 'sk-ssh-ed25519@openssh.com AAAAGnNr me@example'],
    ['is a public key', 'ssh-rsa-cert-v01@openssh.com AAAAHHNz me@example'],
    ['is a public key', '---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n'],
    ['is a public key', '-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n'],
    ['is a key of a hardware token', openSsh('sk-ssh-ed25519@openssh.com')],
    ['is a key of a hardware token', openSsh('sk-ecdsa-sha2-nistp256@openssh.com').replaceAll('\n', '\r\n')],
    ['is a private key that is cut off', KEY.slice(0, -40)],
    ['is not a private key', ''],
    ['is not a private key', 'Host *\n  User git\n'],
    ['is not a private key', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'],
  ])('says that it %s of %j', (problem, file) => {
    expect(readPrivateKey(Buffer.from(file))).toEqual({ problem: expect.stringContaining(problem) });
  });
});

describe('isPublicKey', () => {
  it('is true for public keys alone', () => {
    expect(isPublicKey(Buffer.from('\uFEFFssh-ed25519 AAAAC3Nz me@example\r\n'))).toBe(true);
    expect(isPublicKey(Buffer.from(KEY))).toBe(false);
    expect(isPublicKey(Buffer.from(`ssh-ed25519 AAAAC3Nz me@example\n${KEY}`))).toBe(false);
    expect(isPublicKey(Buffer.from('PuTTY-User-Key-File-3: ssh-ed25519\n'))).toBe(false);
  });
});
