import { describe, expect, it } from '@jest/globals';
import { cleanGitLine } from './git-output.js';

describe('cleanGitLine', () => {
  it.each([
    ['Receiving objects:  42% (42/100)', 'Receiving objects:  42% (42/100)'],
    [
      "fatal: unable to access 'https://git.example.org:8443/r.git/': The requested URL returned error: 400",
      "fatal: unable to access 'https://git.example.org:8443/r.git/': The requested URL returned error: 400",
    ],
    ['redirect: https://example.org/sign-in?back=x&token=hunter2', 'redirect: https://example.org/sign-in?…'],
    ['redirect: https://example.org/#token=hunter2', 'redirect: https://example.org/#…'],
    [
      "fatal: Authentication failed for 'https://user:hunter2@h/r.git/'",
      "fatal: Authentication failed for 'https://h/r.git/'",
    ],
    ['https://hunter2@one/a?hunter2 and https://two/b#hunter2', 'https://one/a?… and https://two/b#…'],
    ['remote: \u001b[31mred\u001b[0m \u001b]0;title\u0007\u009b2Jdone\u0000', 'remote: red done'],
  ])('makes of %j %j', (line, clean) => {
    expect(cleanGitLine(line)).toBe(clean);
  });
});
