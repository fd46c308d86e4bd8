import { describe, expect, it } from '@jest/globals';
import { hashPassword, isOutdated, verifyPassword } from './password-hash.js';
import { Passwords } from './passwords.js';

describe('password hashes', () => {
  it('are of Argon2id in the PHC format, with a salt of their own', async () => {
    const [one, two] = [await hashPassword('correct horse'), await hashPassword('correct horse')];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
  });

  it('verify the password that they are of, in any composition of its characters, and no other', async () => {
    const hash = await hashPassword('pass\u00e9');
    await expect(verifyPassword('passe\u0301', hash)).resolves.toBe(true);
    await expect(verifyPassword('passe', hash)).resolves.toBe(false);
    await expect(verifyPassword('', hash)).resolves.toBe(false);
  });

  it('verify with the cost that they were made with, and tell when it is no longer the cost of new ones', async () => {
    // Of "password", by the reference implementation: argon2 somesalt -id -t 2 -m 16 -p 1.
    const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    await expect(verifyPassword('password', reference)).resolves.toBe(true);
    expect([isOutdated(reference), isOutdated(await hashPassword('x'))]).toEqual([true, false]);
  });

  it('of another format are an error rather than a wrong password', async () => {
    await expect(verifyPassword('x', '$2b$10$abc')).rejects.toThrow('not one of Argon2id');
  });
});

describe('Passwords', () => {
  it('takes the same time for nobody as for somebody, since it always verifies a hash', async () => {
    const passwords = new Passwords();
    const hash = await passwords.hash('correct horse');
    const measure = async (stored: string | null): Promise<number> => {
      const at = performance.now();
      await expect(passwords.verify('wrong', stored)).resolves.toBe(false);
      return performance.now() - at;
    };
    const rounds: { known: number; unknown: number }[] = [];
    for (let round = 0; round < 9; round += 1)
      rounds.push({ known: await measure(hash), unknown: await measure(null) });
    const median = (who: 'known' | 'unknown'): number => rounds.map((each) => each[who]).toSorted((a, b) => a - b)[4]!;
    // Without a hash to verify it would be a thousandth.
    expect(median('unknown') / median('known')).toBeGreaterThan(0.2);
    expect(median('unknown') / median('known')).toBeLessThan(5);
  });

  it('refuses rather than keeps waiting when twenty wait already', async () => {
    const passwords = new Passwords();
    const attempts = Array.from({ length: 23 }, () => passwords.verify('x', null));
    await expect(attempts.pop()).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 5 });
    await expect(Promise.all(attempts)).resolves.toHaveLength(22);
  }, 20_000);
});
