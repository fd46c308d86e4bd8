import { describe, expect, it } from '@jest/globals';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { DomainError } from '../common/errors/domain-error.js';
import { checkedCredential } from './checked-credential.js';
import type { CreateCredentialDto } from './credential.dto.js';

const CANARY = 'canary-4711-0815';
const dto = (body: Partial<CreateCredentialDto>): CreateCredentialDto =>
  ({ name: 'n', kind: 'anthropic_api_key', value: CANARY, ...body }) as CreateCredentialDto;

/** Each with its length before it. */
function sshStrings(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, Buffer.from(part as string)];
    }),
  );
}

function refusal(body: Partial<CreateCredentialDto>): { code: string; fields: string[]; text: string } {
  try {
    checkedCredential(dto(body));
  } catch (error) {
    if (error instanceof DomainError) {
      const { code, fields = [], message } = error;
      return { code, fields: fields.map(({ field }) => field), text: `${message} ${JSON.stringify(fields)}` };
    }
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('checkedCredential', () => {
  it.each<[Partial<CreateCredentialDto>, object]>([
    [{ value: ` ${CANARY}\n` }, { value: CANARY, host: null, username: null, header: null }],
    [{ kind: 'claude_oauth_token' }, { value: CANARY }],
    [
      { kind: 'git_https_token', host: 'Git.Example.org:443' },
      { host: 'git.example.org', username: 'x-access-token', header: null },
    ],
    [
      { kind: 'git_https_token', host: 'git.example.org:8443', username: 'bot' },
      { host: 'git.example.org:8443', username: 'bot' },
    ],
    [
      { kind: 'http_header', host: 'api.example.org', value: `Bearer ${CANARY}` },
      { header: 'Authorization', value: `Bearer ${CANARY}`, username: null },
    ],
    [{ kind: 'http_header', host: 'api.example.org', header: 'X-Api-Key' }, { header: 'X-Api-Key' }],
  ])('takes %j', (body, expected) => {
    expect(checkedCredential(dto(body))).toMatchObject(expected);
  });

  it.each<[Partial<CreateCredentialDto>, string[]]>([
    [{ value: `${CANARY} ${CANARY}` }, ['value']],
    [{ value: `${CANARY}\n${CANARY}` }, ['value']],
    [{ value: 'short' }, ['value']],
    [{ value: `${CANARY}ü` }, ['value']],
    [{ value: `sk-ant-oat01-${CANARY}` }, ['value']],
    [{ kind: 'claude_oauth_token', value: `sk-ant-api03-${CANARY}` }, ['value']],
    [{ host: 'api.example.org' }, ['host']],
    [{ header: 'X-Api-Key', username: 'x' }, ['username', 'header']],
    [{ kind: 'git_https_token' }, ['host']],
    [{ kind: 'git_https_token', host: 'https://git.example.org' }, ['host']],
    [{ kind: 'git_https_token', host: '*.example.org' }, ['host']],
    [{ kind: 'git_https_token', host: 'git.example.org', username: 'a:b' }, ['username']],
    [{ kind: 'http_header', host: 'a.example', value: `${CANARY}\r\nX: y` }, ['value']],
    [{ kind: 'http_header', host: 'a.example', header: 'X: y' }, ['header']],
    [{ kind: 'http_header', host: 'a.example', header: 'Host' }, ['header']],
    [{ kind: 'http_header', host: 'a.example', header: 'proxy-authorization' }, ['header']],
    [{ kind: 'http_header', value: '\0'.repeat(20) }, ['host', 'value']],
  ])('refuses %j with the field, and without the value', (body, fields) => {
    const { code, fields: named, text } = refusal(body);
    expect([code, named]).toEqual(['validation_failed', fields]);
    expect(text).not.toContain(CANARY);
  });

  describe('of an SSH key', () => {
    const publicKey = sshStrings('ssh-ed25519', 'x'.repeat(32));
    const privatePart = Buffer.concat([Buffer.from('12341234'), publicKey, Buffer.alloc(96, 'k')]);
    const openSsh = (cipher: string, keys = 1, secret = privatePart): string => {
      const count = Buffer.alloc(4);
      count.writeUInt32BE(keys);
      const start = [Buffer.from('openssh-key-v1\0'), sshStrings(cipher, 'none', ''), count];
      const base64 = Buffer.concat([...start, sshStrings(publicKey, secret)])
        .toString('base64')
        .replaceAll(/.{70}/g, '$&\n');
      return `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`;
    };
    const plain = openSsh('none');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

    it('takes a key of OpenSSH, mended, with its fingerprint and a host', () => {
      const value = `\uFEFF${plain.trim().replaceAll('\n', '\r\n')}`;
      expect(checkedCredential(dto({ kind: 'ssh_key', value, host: 'Git.example.org:22' }))).toEqual({
        value: plain,
        fingerprint: `SHA256:${createHash('sha256').update(publicKey).digest('base64').slice(0, 43)}`,
        host: 'git.example.org',
        username: null,
        header: null,
      });
    });

    it('takes a key in PEM', () => {
      const value = rsa.export({ type: 'pkcs1', format: 'pem' }) as string;
      expect(checkedCredential(dto({ kind: 'ssh_key', value }))).toMatchObject({ value, fingerprint: null });
    });

    it('refuses what is no key that an agent could use, and says what it is', () => {
      const pem = (value: string): string =>
        `-----BEGIN RSA PRIVATE KEY-----\n${value}\n-----END RSA PRIVATE KEY-----\n`;
      const encrypted = { cipher: 'aes-256-cbc', passphrase: CANARY };
      const cases: [string, string][] = [
        [CANARY, 'is not a private key'],
        ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@example', 'is a public key'],
        ['PuTTY-User-Key-File-3: ssh-ed25519\n', 'is a PuTTY key'],
        [plain.slice(0, -60), 'is cut off'],
        [plain.replace(/^.*\n.*\n/m, '-----BEGIN OPENSSH PRIVATE KEY-----\n'), 'is damaged'],
        [plain.replace(/\n[^\n]+\n-----END/, '\n-----END'), 'is damaged'],
        [pem(Buffer.from(CANARY).toString('base64')), 'is damaged'],
        [openSsh('aes256-ctr'), 'has a passphrase'],
        [openSsh('none', 2), 'several private keys'],
        [openSsh('none', 1, Buffer.from('12345678')), 'is damaged'],
        [openSsh('none', 1, Buffer.from('1')), 'is damaged'],
        [rsa.export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string, 'has a passphrase'],
        [rsa.export({ type: 'pkcs1', format: 'pem', ...encrypted }) as string, 'has a passphrase'],
      ];
      for (const [value, problem] of cases) {
        const { code, fields, text } = refusal({ kind: 'ssh_key', value });
        expect([problem, code, fields]).toEqual([problem, 'ssh_key_not_usable', ['value']]);
        expect(text).toContain(problem);
        expect(text).not.toContain(CANARY);
      }
    });
  });
});
