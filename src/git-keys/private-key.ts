const BEGIN = /^-----BEGIN (?:(?:OPENSSH|RSA|DSA|EC|ENCRYPTED) )?PRIVATE KEY-----$/m;
const END = /^-----END (?:\w+ )?PRIVATE KEY-----$/m;
const PUBLIC =
  /^(?:(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ AAAA|---- BEGIN SSH2 PUBLIC KEY ----|-----BEGIN (?:RSA )?PUBLIC KEY-----)/m;
const PUTTY = /^PuTTY-User-Key-File-\d/;
const SSH_COM = /^---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----/m;
/** Types of keys whose private half is in a hardware token; the file only refers to it. */
const HARDWARE_TYPES = ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'];

/**
 * The private key in a file, as `ssh-add` reads it. What editors and systems change about a file is mended: byte order
 * marks, UTF-16, line ends, spaces at the ends of lines, a missing last line end.
 * @returns the key, or why it is none, in words that follow the name of the property
 */
export function readPrivateKey(file: Buffer): { key: Buffer } | { problem: string } {
  const lines = decode(file)
    .split(/\r\n?|\n/)
    .map((line) => line.trimEnd());
  const text = `${lines.join('\n').trim()}\n`;
  const problem = problemOf(text);
  return problem === undefined ? { key: Buffer.from(text) } : { problem };
}

/** Whether it is a public key, which need not be kept from others. */
export function isPublicKey(file: Buffer): boolean {
  const text = decode(file);
  return PUBLIC.test(text.trimStart()) && !/PRIVATE KEY/.test(text);
}

function problemOf(text: string): string | undefined {
  if (PUTTY.test(text))
    return 'is a PuTTY key (.ppk): convert it with "puttygen key.ppk -O private-openssh -o key" and use the result';
  if (SSH_COM.test(text))
    return 'is a key in the format of ssh.com: convert it with "ssh-keygen -i -f" and use the result';
  const begin = BEGIN.exec(text);
  if (begin === null)
    return PUBLIC.test(text)
      ? 'is a public key: use the private key, which usually has the same name without .pub'
      : 'is not a private key in a format that OpenSSH reads';
  const end = END.exec(text);
  if (end === null) return 'is a private key that is cut off: its last line, -----END … PRIVATE KEY-----, is missing';
  const content = Buffer.from(text.slice(begin.index + begin[0].length, end.index), 'base64');
  if (HARDWARE_TYPES.some((type) => content.includes(type)))
    return 'is a key of a hardware token (sk), which cannot be used without the token: use a key of another type';
  return undefined;
}

function decode(file: Buffer): string {
  if (file.length >= 2 && file[0] === 0xff && file[1] === 0xfe) return file.subarray(2).toString('utf16le');
  if (file.length >= 2 && file[0] === 0xfe && file[1] === 0xff)
    return Buffer.from(file.subarray(2, file.length & ~1))
      .swap16()
      .toString('utf16le');
  return file.toString('utf8').replace(/^\uFEFF/, '');
}
