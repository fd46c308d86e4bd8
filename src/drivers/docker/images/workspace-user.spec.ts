import { describe, expect, it } from '@jest/globals';
import { withWorkspaceUser } from './workspace-user.js';

const ROOT = 'root:x:0:0:root:/root:/bin/bash\n';
const GROUPS = 'root:x:0:\nusers:x:100:\n';

describe('withWorkspaceUser', () => {
  it('adds a user and a group where nobody has the uid', () => {
    expect(withWorkspaceUser({ passwd: ROOT, group: GROUPS }, { hasBash: true })).toEqual({
      passwd: `${ROOT}dev:x:1000:1000::/home/dev:/bin/bash\n`,
      group: `${GROUPS}dev:x:1000:\n`,
    });
  });

  it('keeps the name and the shell of whoever has the uid', () => {
    const passwd = `${ROOT}node:x:1000:100:Node:/home/node:/usr/bin/zsh\n`;
    expect(withWorkspaceUser({ passwd, group: `${GROUPS}node:x:1000:\n` }, { hasBash: true })).toEqual({
      passwd: `${ROOT}node:x:1000:1000:Node:/home/dev:/usr/bin/zsh\n`,
      group: `${GROUPS}node:x:1000:\n`,
    });
  });

  it('gives a shell to a service, and to a user of an image without bash', () => {
    const passwd = 'app:x:1000:1000::/:/usr/sbin/nologin\n';
    const shells = [true, false].map((hasBash) => withWorkspaceUser({ passwd, group: '' }, { hasBash }).passwd);
    expect(shells).toEqual([
      'app:x:1000:1000::/home/dev:/bin/bash\n',
      'app:x:1000:1000::/home/dev:/opt/devforge/bin/bash\n',
    ]);
  });

  it('takes another name where somebody else has it', () => {
    const passwd = 'dev:x:500:500::/home/dev:/bin/sh\n';
    expect(withWorkspaceUser({ passwd, group: 'dev:x:500:\n' }, { hasBash: true })).toEqual({
      passwd: `${passwd}devforge:x:1000:1000::/home/dev:/bin/bash\n`,
      group: 'dev:x:500:\ndevforge:x:1000:\n',
    });
  });

  it('makes a user database where the image has none', () => {
    expect(withWorkspaceUser({ passwd: '', group: '' }, { hasBash: true }).passwd).toBe(
      'dev:x:1000:1000::/home/dev:/bin/bash\n',
    );
  });
});
