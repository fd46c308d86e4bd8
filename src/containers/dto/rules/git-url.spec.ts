import { describe, expect, it } from '@jest/globals';
import { gitUrlError } from './git-url.js';

const VALID = [
  'https://github.com/user/repo.git',
  'https://github.com/user/repo',
  'https://git.example.org:8443/a/b/c.git',
  'https://192.0.2.1/repo.git',
  'https://[2001:db8::1]:8443/repo.git',
  'https://xn--bcher-kva.example/repo.git',
  'https://example.org/with%20space/repo.git',
  'https://example.org/~user/repo.git',
  'ssh://git@example.org/user/repo.git',
  'ssh://example.org/user/repo.git',
  'ssh://git@example.org:2222/user/repo.git',
  'ssh://git@[2001:db8::1]:22/repo.git',
  'ssh://first.last_x-1@example.org/repo.git',
  'git@github.com:user/repo.git',
  'git@example.org:/srv/git/repo.git',
  'git@example.org:~/repo.git',
  'deploy-user@192.0.2.1:repo',
  'git@example.org:a/-b',
];

const HOSTILE: [string, string][] = [
  ['an option', '--upload-pack=touch /tmp/x'],
  ['an option without spaces', '--upload-pack=id'],
  ['a short option', '-uid'],
  ['a short option alone', '-u'],
  ['an ssh option', '-oProxyCommand=id'],
  ['an ssh option as the host of a URL', 'ssh://-oProxyCommand=id/repo'],
  ['an ssh option as the host after a user', 'ssh://git@-oProxyCommand=id/repo'],
  ['an ssh option as the host, encoded', 'ssh://%2doProxyCommand=id/repo'],
  ['an ssh option as the host of the short form', 'git@-oProxyCommand=id:repo'],
  ['an ssh option as the user', '-oProxyCommand=id@example.org:repo'],
  ['an ssh option as the user of a URL', 'ssh://-oProxyCommand=id@example.org/repo'],
  ['an ssh option as the user, encoded', 'ssh://%2doProxyCommand@example.org/repo'],
  ['an option as the path', 'git@example.org:-x'],
  ['an option as an absolute path', 'git@example.org:/-x'],
  ['an option as the path of a URL', 'ssh://git@example.org/-x'],
  ['a remote helper that runs a command', 'ext::sh -c id'],
  ['a remote helper without spaces', 'ext::sh'],
  ['a remote helper on a URL', 'ext::https://example.org/repo'],
  ['a file descriptor', 'fd::17'],
  ['another helper', 'hg::https://example.org/repo'],
  ['a file URL', 'file:///etc/passwd'],
  ['an absolute path', '/etc/passwd'],
  ['a relative path', './repo'],
  ['a path above', '../repo'],
  ['a path of the home', '~/repo'],
  ['a bare name', 'repo'],
  ['a Windows path', 'C:\\repo'],
  ['no user in the short form', 'example.org:repo'],
  ['plain HTTP', 'http://example.org/repo'],
  ['the git protocol', 'git://example.org/repo'],
  ['FTP', 'ftp://example.org/repo'],
  ['git over ssh under another name', 'git+ssh://git@example.org/repo'],
  ['javascript', 'javascript:alert(1)'],
  ['a password', 'https://user:password@example.org/repo'],
  ['a token', 'https://ghp_token@example.org/repo'],
  ['a password alone', 'https://:password@example.org/repo'],
  ['a password for ssh', 'ssh://git:password@example.org/repo'],
  ['a token before a backslash, which git reads as a user', 'https://token\\@example.org/repo'],
  ['a backslash in the path', 'https://example.org/a\\b'],
  ['a line feed', 'https://example.org/repo\nfoo'],
  ['a carriage return', 'https://example.org/repo\rfoo'],
  ['a trailing line feed', 'https://example.org/repo\n'],
  ['a leading line feed', '\nhttps://example.org/repo'],
  ['a NUL', 'https://example.org/repo\0'],
  ['a tab', 'https://example.org/\trepo'],
  ['an escape', 'https://example.org/\u001b[31m'],
  ['a line separator', 'https://example.org/\u2028'],
  ['a C1 control', 'https://example.org/\u0085'],
  ['a line feed in the short form', 'git@example.org:repo\nProxyCommand id'],
  ['an encoded line feed', 'https://example.org/a%0ahost=evil.example'],
  ['an encoded carriage return', 'https://example.org/a%0Db'],
  ['an encoded NUL', 'ssh://git@example.org/a%00b'],
  ['an encoded line feed in the user', 'ssh://git%0a@example.org/repo'],
  ['a space', 'https://example.org/a b'],
  ['nothing', ''],
  ['a scheme alone', 'https://'],
  ['no repository', 'https://example.org'],
  ['no repository but a slash', 'https://example.org/'],
  ['no path in the short form', 'git@example.org:'],
  ['a shell in the user', '$(id)@example.org:repo'],
  ['a shell in the host', 'git@$(id):repo'],
  ['a broken port', 'https://example.org:99999/repo'],
  ['a broken escape in the user', 'ssh://git%zz@example.org/repo'],
  ['too long', `https://example.org/${'a'.repeat(2_048)}`],
];

describe('gitUrlError', () => {
  it.each(VALID)('accepts %s', (url) => {
    expect(gitUrlError(url)).toBeUndefined();
  });

  it.each(HOSTILE)('refuses %s', (_what, url) => {
    expect(gitUrlError(url)).toEqual(expect.any(String));
  });

  it('gives the reason, and never repeats a password', () => {
    expect(gitUrlError('https://user:hunter2@example.org/repo')).toBe(
      'must not carry a password or token: use an SSH key (sshKeyPath)',
    );
    expect(gitUrlError('file:///etc/passwd')).toBe('must be https://…, ssh://… or user@host:path');
    expect(gitUrlError('-oProxyCommand=id')).toBe('must not start with "-"');
  });
});
