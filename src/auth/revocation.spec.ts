import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import type { AccessRevisionsRepository } from '../persistence/auth/access-revisions.repository.js';
import type { ApiKeyRow, ApiKeysRepository } from '../persistence/auth/api-keys.repository.js';
import { ApiKeyIdentities } from './api-keys/api-key-identities.js';
import { ADMINISTRATOR, type Identity } from './principal.js';
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
let revision: number;
let isAway: boolean;
let reads: number;
let ended: string[];
let revocation: Revocation;

beforeEach(() => {
  clock = new FakeClock();
  row = { id: 'k', projectId: 'p', role: 'viewer', expiresAt: null } as ApiKeyRow;
  [revision, isAway, reads, ended] = [1, false, 0, []];
  const keys = {
    findById: async () => {
      reads += 1;
      return row;
    },
    noteUsed: async () => undefined,
  } as unknown as ApiKeysRepository;
  const revisions = {
    current: async () => {
      if (isAway) throw new Error('away');
      return revision;
    },
  } as AccessRevisionsRepository;
  revocation = new Revocation(revisions, new ApiKeyIdentities(keys, clock), keys, clock, quietLogger());
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

  it('ends connections of a key that expires or whose role changes', async () => {
    watch('one');
    row!.expiresAt = new Date(clock.now().getTime() + 3_000);
    revision = 2;
    await clock.advance(8_000);
    expect(ended).toEqual(['one']);
    row = { ...row!, expiresAt: null, role: 'member' };
    watch('two');
    revision = 3;
    await clock.advance(5_000);
    expect(ended).toEqual(['one', 'two']);
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
