import { describe, expect, it } from '@jest/globals';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { RandomIdGenerator } from '../common/id-generator.js';
import type { Settings } from '../config/settings.js';
import { AdminToken } from './admin-token.js';
import { Authenticator } from './authenticator.js';
import { PERMISSIONS } from './permissions.js';

const authenticator = new Authenticator(
  new AdminToken({ token: 'the right one' } as Settings, new RandomIdGenerator(), quietLogger()),
);

describe('Authenticator', () => {
  it('gives the holder of the administrator token every permission', async () => {
    const { ownerId, permissions } = await authenticator.authenticate({ kind: 'bearer', token: 'the right one' });
    expect(ownerId).toBe('admin');
    expect([...permissions].toSorted()).toEqual(PERMISSIONS.toSorted());
  });

  it.each(['the wrong one', '', undefined, null, 7, ['the right one']])('refuses %p', async (token) => {
    await expect(authenticator.authenticate({ kind: 'bearer', token })).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'Send the token as "Authorization: Bearer <token>".',
    });
  });

  it('tells a client of sockets where its token belongs', async () => {
    await expect(authenticator.authenticate({ kind: 'handshake', token: 'x' })).rejects.toMatchObject({
      message: 'Send the token as auth.token in the handshake.',
    });
  });
});
