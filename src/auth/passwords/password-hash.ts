import { argon2, type Argon2Parameters, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);

/** Argon2id with 19 MiB, as OWASP's password storage cheat sheet recommends. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Takes about 30 ms and 19 MiB. @returns the hash in the PHC string format, with its salt and cost */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await derive('argon2id', { ...COST, message: normalised(password), nonce, tagLength: TAG_BYTES });
  const { memory, passes, parallelism } = COST;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(nonce)}$${base64(tag)}`;
}

/** Takes as long as {@link hashPassword}, whatever the outcome. @throws Error for a hash in another format */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const { tag, ...parameters } = parse(hash);
  const derived = await derive('argon2id', { ...parameters, message: normalised(password), tagLength: tag.length });
  return timingSafeEqual(derived, tag);
}

/** Whether the hash was made with another cost than hashes are made with now. */
export function isOutdated(hash: string): boolean {
  const { memory, passes, parallelism } = parse(hash);
  return memory !== COST.memory || passes !== COST.passes || parallelism !== COST.parallelism;
}

function parse(
  hash: string,
): Pick<Argon2Parameters, 'memory' | 'passes' | 'parallelism'> & { nonce: Buffer; tag: Buffer } {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(hash) ?? [];
  if (salt === undefined || tag === undefined) throw new Error('A stored password hash is not one of Argon2id.');
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    nonce: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}

/** The same password may be typed as different sequences of code points. */
function normalised(password: string): string {
  return password.normalize('NFKC');
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
