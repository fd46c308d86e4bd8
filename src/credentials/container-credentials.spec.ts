import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { CredentialsHarness } from '../../test/support/credentials/fake-credentials.js';
import { containerRow } from '../../test/support/rows.js';
import type { UserRoles } from '../auth/users/user-directory.js';
import { ADMINISTRATOR, type Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { DEFAULT_PROJECT } from '../persistence/types.js';

const OTHER = randomUUID();
const ADA = randomUUID();
const user = (id = ADA): Principal => ({
  ...ADMINISTRATOR,
  kind: 'user',
  id,
  userId: id,
  roles: new Map([[DEFAULT_PROJECT.id, 'member']]),
  permission: 'container:create',
});
const administrator: Principal = { ...ADMINISTRATOR, permission: 'container:create' };

describe('ContainerCredentials', () => {
  let harness: CredentialsHarness;
  beforeEach(() => void (harness = new CredentialsHarness()));

  const made = (principal: Principal, more: object = {}) => ({
    projectId: DEFAULT_PROJECT.id,
    ownerId: principal.id,
    sshKeyPath: null,
    credentials: [],
    ...more,
  });
  const require = (principal: Principal, wanted: string[], more: object = {}): Promise<void> =>
    harness.credentials.requireUsable(principal, made(principal, more), wanted);

  describe('requireUsable', () => {
    it("admits the project's, and a user's own for containers that the user creates", async () => {
      const key = harness.add();
      const own = harness.add({ kind: 'ssh_key', userId: ADA });
      await expect(require(user(), [key.id, own.id])).resolves.toBeUndefined();
      await expect(require(administrator, [key.id])).resolves.toBeUndefined();
    });

    it('refuses what is of another project or user, or gone, in the same way', async () => {
      const foreign = harness.add({ projectId: OTHER });
      const own = harness.add({ userId: ADA });
      const gone = randomUUID();
      const messages = [];
      for (const [principal, id] of [
        [user(), foreign.id],
        [user(randomUUID()), own.id],
        [administrator, own.id],
        [administrator, foreign.id],
        [user(), gone],
      ] as const) {
        const error = await require(principal, [id]).catch((thrown: unknown) => thrown as DomainError);
        expect(error).toMatchObject({ code: 'credential_not_found' });
        messages.push((error as DomainError).message.replace(id, ''));
      }
      expect(new Set(messages).size).toBe(1);
    });

    it("refuses a user's own for a container of somebody else, unless the container has it already", async () => {
      const own = harness.add({ userId: ADA });
      await expect(require(user(), [own.id], { ownerId: 'somebody' })).rejects.toMatchObject({
        code: 'credential_not_found',
      });
      const more = { ownerId: ADA, credentials: [own.id] };
      await expect(require(user(randomUUID()), [own.id], more)).resolves.toBeUndefined();
    });

    it('refuses combinations of which one would have no effect', async () => {
      const ids = [
        harness.add(),
        harness.add({ kind: 'claude_oauth_token' }),
        harness.add({ kind: 'ssh_key' }),
        harness.add({ kind: 'ssh_key' }),
      ].map(({ id }) => id);
      for (const [wanted, more] of [
        [[ids[0]!, ids[1]!], {}],
        [[ids[2]!, ids[3]!], {}],
        [[ids[2]!], { sshKeyPath: '/key' }],
      ] as const)
        await expect(require(user(), [...wanted], more)).rejects.toMatchObject({
          code: 'validation_failed',
          fields: [{ field: 'credentials' }],
        });
      await expect(require(user(), [ids[0]!, ids[2]!])).resolves.toBeUndefined();
    });

    it.each(['git_https_token', 'http_header'] as const)('refuses %s where there is no gateway', async (kind) => {
      const { id } = harness.add({ kind, host: 'example.org' });
      await expect(require(user(), [id])).resolves.toBeUndefined();
      harness.withoutGateway();
      await expect(require(user(), [id])).rejects.toMatchObject({ code: 'credential_not_usable' });
    });

    it('refuses an SSH key on the server that cannot be used', async () => {
      harness.sshKey = new DomainError('ssh_key_not_usable', 'x');
      await expect(require(user(), [], { sshKeyPath: '/key' })).rejects.toMatchObject({ code: 'ssh_key_not_usable' });
    });
  });

  describe('usable', () => {
    const roles = (projects: UserRoles['projects'], role: UserRoles['role'] = 'user') => ({
      id: ADA,
      name: 'Ada',
      role,
      projects,
    });

    it('is in the order of the container, without what is gone', async () => {
      const [one, other] = [harness.add({ kind: 'ssh_key' }), harness.add()];
      const container = containerRow({ credentials: [other.id, randomUUID(), one.id] });
      expect((await harness.credentials.usable(container)).map(({ id }) => id)).toEqual([other.id, one.id]);
      const named = await harness.credentials.named([container, containerRow()]);
      expect([...named.values()].map((rows) => rows.map(({ id }) => id))).toEqual([[other.id, one.id], []]);
    });

    it.each<[string, UserRoles | undefined, boolean]>([
      ['a member', roles(new Map([[DEFAULT_PROJECT.id, 'member']])), true],
      ['an administrator', roles(new Map(), 'admin'), true],
      ['a viewer', roles(new Map([[DEFAULT_PROJECT.id, 'viewer']])), false],
      ['a member of another project', roles(new Map([[OTHER, 'owner']])), false],
      ['gone or disabled', undefined, false],
    ])('has the credential of a user who is %s: %#', async (_who, who, expected) => {
      const { id } = harness.add({ userId: ADA });
      if (who !== undefined) harness.users.set(ADA, who);
      const usable = await harness.credentials.usable(containerRow({ credentials: [id] }));
      expect(usable.length === 1).toBe(expected);
    });

    it('records each use with its container, and none after the credential is deleted', async () => {
      const { id } = harness.add({}, 'secret');
      const container = containerRow({ credentials: [id] });
      const [credential] = await harness.credentials.usable(container);
      expect(JSON.stringify(credential)).not.toContain('secret');
      await expect(credential!.use()).resolves.toBe('secret');
      await expect(credential!.use()).resolves.toBe('secret');
      const use = { credentialId: id, purpose: 'model', container: { id: container.id } };
      expect(harness.repository.uses).toMatchObject([use, use]);
      harness.repository.rows.delete(id);
      await expect(credential!.use()).rejects.toMatchObject({ code: 'credential_not_found' });
    });

    it('tells of a value that cannot be decrypted by a code', async () => {
      const row = harness.add();
      harness.repository.rows.set(row.id, { ...row, keyId: 'lost' });
      const [credential] = await harness.credentials.usable(containerRow({ credentials: [row.id] }));
      await expect(credential!.use()).rejects.toMatchObject({ code: 'credential_unreadable' });
      expect(harness.repository.uses).toEqual([]);
    });
  });
});
