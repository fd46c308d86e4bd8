import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import type { AccessRevisionsRepository } from '../persistence/auth/access-revisions.repository.js';
import type { ApiKeyRow, ApiKeysRepository } from '../persistence/auth/api-keys.repository.js';
import type { AdminToken } from './admin-token.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { CredentialIdentities } from './credentials/credential-identities.js';
import { SessionIdentities } from './sessions/session-identities.js';
import { UserDirectory } from './users/user-directory.js';
import type { Settings } from '../config/settings.js';
import type { MembershipRow, MembershipsRepository } from '../persistence/auth/users/memberships.repository.js';
import type { SessionRow, SessionsRepository } from '../persistence/auth/users/sessions.repository.js';
import type { UserRow, UsersRepository } from '../persistence/auth/users/users.repository.js';
import { PassThrough } from 'node:stream';
import type { ProjectRole } from '../persistence/types.js';
import type { Permission } from './permissions.js';
import { ADMINISTRATOR, asPrincipal, type Identity } from './principal.js';
import { requireIn } from './project-scope.js';
import { Revocation } from './revocation.js';

const identity: Identity = {
  kind: 'service',
  id: 'key:k',
  name: 'k',
  roles: new Map([['p', 'viewer']]),
  credential: { kind: 'api_key', id: 'k' },
};

let clock: FakeClock;
let row: ApiKeyRow | null;
let user: UserRow | null;
let session: SessionRow | null;
let memberships: MembershipRow[];
let revision: number;
let isAway: boolean;
let reads: number;
let ended: string[];
let revocation: Revocation;

beforeEach(() => {
  clock = new FakeClock();
  row = { id: 'k', projectId: 'p', role: 'viewer', userId: null, expiresAt: null } as ApiKeyRow;
  user = { id: 'u', name: 'Ada', role: 'user', disabledAt: null } as UserRow;
  memberships = [{ projectId: 'p', userId: 'u', role: 'member' } as MembershipRow];
  const expiresAt = new Date(clock.now().getTime() + 600_000);
  session = { id: 's', userId: 'u', apiKeyId: null, adminKey: null, lastUsedAt: clock.now(), expiresAt } as SessionRow;
  [revision, isAway, reads, ended] = [1, false, 0, []];
  const keys = {
    findByIds: async ([id]: string[]) => {
      reads += 1;
      return row === null ? [] : [{ ...row, id }];
    },
    noteUsed: async () => undefined,
  } as unknown as ApiKeysRepository;
  const revisions = {
    current: async () => {
      if (isAway) throw new Error('away');
      return revision;
    },
  } as AccessRevisionsRepository;
  const users = new UserDirectory(
    { findById: async () => user } as unknown as UsersRepository,
    { ofUser: async () => memberships } as unknown as MembershipsRepository,
  );
  const apiKeys = new ApiKeyIdentities(keys, users, clock);
  const sessions = new SessionIdentities(
    {
      findByIds: async () => (session === null ? [] : [session]),
      findById: async () => session,
    } as unknown as SessionsRepository,
    users,
    apiKeys,
    { deriveKey: () => Buffer.from('key') } as unknown as AdminToken,
    { sessions: { idleMs: 60_000 } } as Settings,
    clock,
  );
  const identities = new CredentialIdentities(apiKeys, sessions, users);
  revocation = new Revocation(revisions, identities, clock, quietLogger());
  revocation.onApplicationBootstrap();
});

afterEach(() => revocation.onModuleDestroy());

const watch = (name: string, watched = identity): (() => void) => revocation.watch(watched, () => ended.push(name));

describe('Revocation', () => {
  it('ends every connection of a key within five seconds of its removal by another process', async () => {
    watch('one');
    watch('two');
    await clock.advance(10_000);
    expect(ended).toEqual([]);
    [row, revision] = [null, 2];
    await clock.advance(5_000);
    expect(ended).toEqual(['one', 'two']);
  });

  it('ends them at once after a change in this process', async () => {
    watch('one');
    row = null;
    revocation.noticeChange();
    await clock.advance(0);
    expect(ended).toEqual(['one']);
  });

  it('ends connections of a key that expires or whose role is lowered', async () => {
    watch('one');
    row!.expiresAt = new Date(clock.now().getTime() + 3_000);
    revision = 2;
    await clock.advance(8_000);
    expect(ended).toEqual(['one']);
    row = { ...row!, expiresAt: null };
    watch('two', { ...identity, roles: new Map([['p', 'member']]) });
    revision = 3;
    await clock.advance(5_000);
    expect(ended).toEqual(['one', 'two']);
  });

  describe('for users', () => {
    const inBrowser: Identity = {
      kind: 'user',
      id: 'u',
      userId: 'u',
      name: 'Ada',
      roles: new Map([['p', 'member']]),
      credential: { kind: 'session', id: 's' },
    };
    const withKey: Identity = { ...inBrowser, credential: { kind: 'api_key', id: 'k' } };
    const promoted: Identity = { ...inBrowser, kind: 'administrator' };

    beforeEach(() => {
      row = { ...row!, projectId: null, role: null, userId: 'u' };
      watch('session', inBrowser);
      watch('key', withKey);
    });

    it.each<[string, () => void, string[]]>([
      ['ends what a disabled user has', () => (user = { ...user!, disabledAt: clock.now() }), ['session', 'key']],
      ['ends what a removed user had', () => (user = null), ['session', 'key']],
      ['ends what a lost membership allowed', () => (memberships = []), ['session', 'key']],
      ['ends what a lower role no longer allows', () => (memberships[0]!.role = 'viewer'), ['session', 'key']],
      ['keeps what a higher role allows as well', () => (memberships[0]!.role = 'owner'), []],
      ['keeps what an administrator may do', () => (user = { ...user!, role: 'admin' }), []],
      ['ends what a session that has ended allowed', () => (session = null), ['session']],
      ['keeps the session of a revoked key', () => (row = null), ['key']],
    ])('%s', async (_, change, expected) => {
      change();
      revision = 2;
      await clock.advance(5_000);
      expect(ended.toSorted()).toEqual([...expected].toSorted());
    });

    const owner: MembershipRow[] = [
      { projectId: 'p', userId: 'u', role: 'owner' } as MembershipRow,
      { projectId: 'q', userId: 'u', role: 'member' } as MembershipRow,
    ];
    it.each<[string, Permission, Record<string, ProjectRole>, boolean]>([
      ['keeps what a viewer may follow', 'container:read', { p: 'viewer', q: 'member' }, false],
      ['keeps what a viewer may follow', 'instruction:read', { p: 'viewer' }, false],
      ['ends what a viewer may not do', 'container:exec', { p: 'viewer', q: 'owner' }, true],
      ['ends what a viewer may not read', 'container:files', { p: 'viewer' }, true],
      ['ends what is for owners', 'audit:read', { p: 'member', q: 'owner' }, true],
      ['keeps what a member may do', 'container:exec', { p: 'member' }, false],
      ['keeps what has nothing to do with the change', 'container:read', { p: 'owner' }, false],
      ['ends what is in a project that was left', 'container:read', { q: 'owner' }, true],
      ['keeps what everybody may do', 'info:read', {}, false],
    ])('%s: a stream that needs %s of an owner with the roles %j now', async (_, permission, roles, ends) => {
      memberships = owner;
      const principal = asPrincipal(
        {
          ...inBrowser,
          roles: new Map([
            ['p', 'owner'],
            ['q', 'member'],
          ]),
        },
        permission,
      );
      requireIn(principal, 'p');
      const stream = new PassThrough();
      revocation.watchStream(principal, stream);
      memberships = Object.entries(roles).map(
        ([projectId, role]) => ({ projectId, userId: 'u', role }) as MembershipRow,
      );
      revision = 2;
      await clock.advance(5_000);
      expect(stream.destroyed).toBe(ends);
    });

    it('ends connections of administrators who are none any more', async () => {
      user = { ...user!, role: 'admin' };
      watch('administrator', promoted);
      revision = 2;
      await clock.advance(5_000);
      user = { ...user, role: 'user' };
      revision = 3;
      await clock.advance(5_000);
      expect(ended).toEqual(['administrator']);
    });

    it('ends a session that is idle, unless another process stored a later use', async () => {
      await clock.advance(50_000);
      session = { ...session!, lastUsedAt: clock.now() };
      await clock.advance(40_000);
      expect(ended).toEqual([]);
      await clock.advance(40_000);
      expect(ended).toEqual(['session']);
    });
  });

  it('reads a key once for all of its connections, and not again while nothing changes', async () => {
    for (let count = 0; count < 50; count += 1) watch('many');
    await clock.advance(60_000);
    expect(reads).toBe(1);
  });

  it('forgets connections that have ended, and never ends those of the administrator token', async () => {
    watch('closed')();
    watch('administrator', ADMINISTRATOR);
    [row, revision] = [null, 2];
    await clock.advance(5_000);
    expect(ended).toEqual([]);
  });

  it('leaves connections alone while the database is away, and catches up', async () => {
    watch('one');
    isAway = true;
    [row, revision] = [null, 2];
    await clock.advance(20_000);
    expect(ended).toEqual([]);
    isAway = false;
    await clock.advance(5_000);
    expect(ended).toEqual(['one']);
  });
});
