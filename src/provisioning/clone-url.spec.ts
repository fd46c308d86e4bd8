import { describe, expect, it } from '@jest/globals';
import { cloneUrl } from './clone-url.js';

describe('cloneUrl', () => {
  it.each([
    ['git@github.com.:user/repo.git', 'git@github.com:user/repo.git'],
    ['ssh://git@github.com./user/repo.git', 'ssh://git@github.com/user/repo.git'],
    ['ssh://git@github.com.:22/user/repo.git', 'ssh://git@github.com:22/user/repo.git'],
    ['https://github.com./user/repo.git', 'https://github.com/user/repo.git'],
    ['https://org@host.:8443/repo', 'https://org@host:8443/repo'],
  ])('leaves out the final dot of the host in %s', (repoUrl, url) => {
    expect(cloneUrl(repoUrl)).toBe(url);
  });

  it.each([
    'git@github.com:user/repo.',
    'git@example.org:./repo',
    'ssh://git@example.org/a./b.:c',
    'https://example.org/a./b',
    'git@[::1]:user/repo.',
    'https://first.last@example.org/repo',
  ])('leaves %s as it is', (repoUrl) => {
    expect(cloneUrl(repoUrl)).toBe(repoUrl);
  });
});
