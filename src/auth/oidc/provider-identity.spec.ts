import { describe, expect, it } from '@jest/globals';
import { providerIdentity } from './provider-identity.js';

const ID_TOKEN = { iss: 'https://id.example.org', sub: '1' };
const STRICT = { groupsClaim: 'groups', trustsEmail: false };

function emailOf(idToken: object, userInfo: object = {}, options = STRICT): string | null {
  return providerIdentity({ ...ID_TOKEN, ...idToken }, { ...userInfo }, options).email;
}

describe('providerIdentity', () => {
  it('takes what the ID token says before what the user info says', () => {
    const idToken = { ...ID_TOKEN, name: 'Ada', email: 'ada@example.org', email_verified: true };
    const userInfo = { sub: '1', name: 'Somebody', email: 'x@example.org', email_verified: true, groups: ['staff'] };
    expect(providerIdentity(idToken, userInfo, STRICT)).toEqual({
      issuer: ID_TOKEN.iss,
      subject: '1',
      name: 'Ada',
      email: 'ada@example.org',
      groups: ['staff'],
    });
  });

  it('takes an email only from the document that says it is verified', () => {
    const email = 'ada@example.org';
    for (const verified of [true, 'true']) expect(emailOf({ email, email_verified: verified })).toBe(email);
    for (const verified of [false, 'false', 1, null, undefined])
      expect(emailOf({ email, email_verified: verified })).toBeNull();
    expect(emailOf({ email }, { email, email_verified: true })).toBe(email);
    expect(emailOf({ email: 'victim@example.org' }, { email_verified: true })).toBeNull();
    expect(emailOf({ email: 'victim@example.org' }, { email, email_verified: true })).toBe(email);
  });

  it('takes an email of which nothing is said where the operator trusts it, never one that is not verified', () => {
    const trusting = { ...STRICT, trustsEmail: true };
    expect(emailOf({ email: 'ada@example.org' }, {}, trusting)).toBe('ada@example.org');
    expect(emailOf({ email: 'ada@example.org', email_verified: false }, {}, trusting)).toBeNull();
  });

  it.each([
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    ['a', ['a']],
    [['a', 1, null, { b: 'c' }], ['a']],
    [{ a: true }, []],
    [undefined, []],
  ])('reads groups from %j', (value, groups) => {
    const options = { ...STRICT, groupsClaim: 'https://example.org/roles' };
    const claims = { ...ID_TOKEN, 'https://example.org/roles': value, groups: ['other'] };
    expect(providerIdentity(claims, {}, options).groups).toEqual(groups);
  });

  it('takes a name as one line of text, and no email of several', () => {
    const claims = { name: 'Ada\n\u001b[2J\u202eLovelace', email: 'ada@example.org\nroot', email_verified: true };
    expect(providerIdentity({ ...ID_TOKEN, ...claims }, {}, STRICT)).toMatchObject({
      name: 'Ada Lovelace',
      email: null,
    });
  });

  it('ignores names and emails that are empty or no text', () => {
    for (const value of ['', '  ', '\0', '\u200b', '\u202e', 5, null])
      expect(
        providerIdentity({ ...ID_TOKEN, name: value, email: value, email_verified: true }, {}, STRICT),
      ).toMatchObject({ name: null, email: null });
  });
});
