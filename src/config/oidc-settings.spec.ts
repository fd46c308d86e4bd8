import { describe, expect, it } from '@jest/globals';
import { InvalidEnvironmentError, readSettings } from './environment.js';

const NEEDED = {
  OIDC_ISSUER: 'https://id.example.org/realms/x',
  OIDC_CLIENT_ID: 'devforge',
  OIDC_CLIENT_SECRET: 'hunter2',
};

function problemsOf(variables: Record<string, string>): string {
  try {
    readSettings(variables);
    return '';
  } catch (error) {
    if (error instanceof InvalidEnvironmentError) return error.problems.join('\n');
    throw error;
  }
}

describe('the settings of an OpenID provider', () => {
  it('have a default for all but the three that belong together', () => {
    expect(readSettings(NEEDED).oidc).toEqual({
      issuer: NEEDED.OIDC_ISSUER,
      clientId: 'devforge',
      clientSecret: 'hunter2',
      name: 'id.example.org',
      scopes: 'openid email profile',
      trustsEmail: false,
      newUserDomains: [],
      groupsClaim: 'groups',
      groupRoles: [],
    });
    const { OIDC_CLIENT_SECRET: _, ...some } = NEEDED;
    expect(problemsOf(some)).toContain('OIDC_CLIENT_SECRET must be set');
    expect(problemsOf({ OIDC_CLIENT_ID: 'x' })).toContain('OIDC_ISSUER must be set');
    expect(readSettings({ ...NEEDED, OIDC_ISSUER: '', OIDC_CLIENT_ID: '', OIDC_CLIENT_SECRET: '' }).oidc).toBeNull();
  });

  it('are read', () => {
    const { oidc } = readSettings({
      ...NEEDED,
      OIDC_NAME: 'Example Org',
      OIDC_SCOPES: 'openid email groups',
      OIDC_TRUST_EMAIL: 'true',
      OIDC_NEW_USER_DOMAINS: 'Example.org, example.net',
      OIDC_GROUPS_CLAIM: 'roles',
      OIDC_GROUP_ROLES: ' /staff = shop:member,cn=ops=admin, everybody=user ',
    });
    expect(oidc).toMatchObject({
      name: 'Example Org',
      scopes: 'openid email groups',
      trustsEmail: true,
      newUserDomains: ['example.org', 'example.net'],
      groupsClaim: 'roles',
      groupRoles: [
        { group: '/staff', kind: 'project', project: 'shop', role: 'member' },
        { group: 'cn=ops', kind: 'platform', role: 'admin' },
        { group: 'everybody', kind: 'platform', role: 'user' },
      ],
    });
  });

  it.each([
    ['OIDC_ISSUER', 'http://id.example.org'],
    ['OIDC_ISSUER', 'http://localhost.evil.example'],
    ['OIDC_SCOPES', 'email'],
    ['OIDC_TRUST_EMAIL', 'yes'],
    ['OIDC_NAME', 'x'.repeat(41)],
    ['OIDC_GROUP_ROLES', 'staff=root'],
    ['OIDC_GROUP_ROLES', 'staff=shop:boss'],
    ['OIDC_GROUP_ROLES', 'staff'],
  ])('refuse %s=%s', (name, value) => {
    expect(problemsOf({ ...NEEDED, [name]: value })).toContain(name);
  });

  it('are on this machine without TLS, too, and never show the secret', () => {
    for (const issuer of ['http://localhost:8080', 'http://127.0.0.1/x'])
      expect(readSettings({ ...NEEDED, OIDC_ISSUER: issuer }).oidc).toMatchObject({ issuer });
    expect(problemsOf({ ...NEEDED, OIDC_SCOPES: 'x' })).not.toContain('hunter2');
  });
});
