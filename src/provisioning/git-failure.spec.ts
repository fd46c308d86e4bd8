import { describe, expect, it } from '@jest/globals';
import { classifyGitFailure } from './git-failure.js';

/** What git 2.39 and OpenSSH 9.2 write. */
const MESSAGES: [code: string, retryable: boolean, stderr: string][] = [
  [
    'egress_denied',
    false,
    "fatal: unable to access 'https://git.example.org/r.git/': Received HTTP code 403 from proxy after CONNECT\n",
  ],
  [
    'egress_denied',
    false,
    'nc: Proxy error: "HTTP/1.1 403 Forbidden"\nkex_exchange_identification: Connection closed by remote host\r\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_auth_failed',
    false,
    "Cloning into '/workspace'...\nfatal: could not read Username for 'https://github.com': terminal prompts disabled\n",
  ],
  ['git_auth_failed', false, "fatal: Authentication failed for 'https://192.0.2.1:8443/private.git/'\n"],
  [
    'git_auth_failed',
    false,
    "remote: Support for password authentication was removed on August 13, 2021.\nfatal: Authentication failed for 'https://github.com/u/r.git/'\n",
  ],
  [
    'git_auth_failed',
    false,
    "fatal: unable to access 'https://example.org/r.git/': The requested URL returned error: 403\n",
  ],
  [
    'git_auth_failed',
    false,
    'git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n',
  ],
  [
    'git_auth_failed',
    false,
    'error: RPC failed; HTTP 401 curl 22 The requested URL returned error: 401\nfatal: expected flush after ref listing\n',
  ],
  [
    'git_auth_failed',
    false,
    'Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures\r\ngit@example.org: Permission denied (publickey).\r\nConnection closed by 192.0.2.1 port 22\r\n',
  ],

  [
    'git_host_key_changed',
    false,
    '@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@\nIT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\nHost key verification failed.\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_host_key_changed',
    false,
    'No ED25519 host key is known for example.org and you have requested strict checking.\r\nHost key verification failed.\r\nfatal: Could not read from remote repository.\n',
  ],

  [
    'git_branch_not_found',
    false,
    'warning: Could not find remote branch nope to clone.\nfatal: Remote branch nope not found in upstream origin\n',
  ],

  [
    'git_repository_not_found',
    false,
    "remote: Repository not found.\nfatal: repository 'https://github.com/u/absent.git/' not found\n",
  ],
  ['git_repository_not_found', false, "fatal: repository 'https://192.0.2.1:8443/absent.git/' not found\n"],
  [
    'git_repository_not_found',
    false,
    'ERROR: Repository not found.\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n',
  ],
  [
    'git_repository_not_found',
    false,
    "fatal: '/srv/absent.git' does not appear to be a git repository\nfatal: Could not read from remote repository.\n",
  ],
  [
    'git_repository_not_found',
    false,
    "fatal: '/srv/absent.git' does not appear to be a git repository\nfatal: the remote end hung up unexpectedly\n",
  ],

  [
    'git_network',
    true,
    "fatal: unable to access 'https://absent.example/r.git/': Could not resolve host: absent.example\n",
  ],
  [
    'git_network',
    true,
    'ssh: Could not resolve hostname absent.example: Name or service not known\r\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_network',
    true,
    'ssh: Could not resolve hostname absent.example: Temporary failure in name resolution\r\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_network',
    true,
    "fatal: unable to access 'https://192.0.2.1:1/r.git/': Failed to connect to 192.0.2.1 port 1 after 0 ms: Couldn't connect to server\n",
  ],
  [
    'git_network',
    true,
    'ssh: connect to host 192.0.2.1 port 22: Connection refused\r\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_network',
    true,
    'ssh: connect to host 192.0.2.1 port 22: Connection timed out\r\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_network',
    true,
    'ssh: connect to host 192.0.2.1 port 22: No route to host\r\nfatal: Could not read from remote repository.\n',
  ],
  [
    'git_network',
    true,
    'kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 192.0.2.1 port 22\r\nfatal: Could not read from remote repository.\n',
  ],
  ['git_network', true, 'Connection reset by 192.0.2.1 port 22\r\nfatal: Could not read from remote repository.\n'],
  [
    'git_network',
    true,
    'Receiving objects:  42% (42/100)\rerror: RPC failed; curl 18 transfer closed with outstanding read data remaining\nerror: 1357 bytes of body are still expected\nfetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output\n',
  ],
  [
    'git_network',
    true,
    'fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF\nfatal: index-pack failed\n',
  ],
  ['git_network', true, "fatal: unable to access 'https://192.0.2.1/r.git/': The requested URL returned error: 503\n"],
  ['git_network', true, "fatal: unable to access 'https://192.0.2.1/r.git/': The requested URL returned error: 429\n"],
  [
    'git_network',
    true,
    "fatal: unable to access 'https://192.0.2.1/r.git/': Operation too slow. Less than 1 bytes/sec transferred the last 60 seconds\n",
  ],
  ['git_network', true, 'fatal: the remote end hung up unexpectedly\n'],

  [
    'git_tls_failed',
    false,
    "fatal: unable to access 'https://192.0.2.1:8443/r.git/': SSL certificate problem: unable to get local issuer certificate\n",
  ],
  [
    'git_tls_failed',
    false,
    "fatal: unable to access 'https://192.0.2.1:8443/r.git/': server certificate verification failed. CAfile: none CRLfile: none\n",
  ],
  [
    'git_tls_failed',
    false,
    "fatal: unable to access 'https://192.0.2.1:8443/r.git/': SSL certificate problem: certificate has expired\n",
  ],

  ['out_of_disk', false, 'fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output\n'],
  [
    'out_of_disk',
    false,
    'error: unable to write file big.bin\nerror: unable to create file x: Disk quota exceeded\nfatal: unable to checkout working tree\n',
  ],
  [
    'out_of_disk',
    false,
    'fatal: cannot store pack file: No space left on device\nfatal: the remote end hung up unexpectedly\n',
  ],

  [
    'git_repository_not_found',
    false,
    "fatal: unable to access 'https://192.0.2.1/r.git/': The requested URL returned error: 410\n",
  ],
  ['git_not_a_repository', false, 'fatal: https://192.0.2.1/page/info/refs not valid: is this a git repository?\n'],
  [
    'git_not_a_repository',
    false,
    'fatal: unable to update url base from redirection:\n  asked for: https://192.0.2.1/r.git/info/refs?service=git-upload-pack\n   redirect: https://192.0.2.1/sign-in?to=r\n',
  ],
  [
    'git_not_a_repository',
    false,
    "fatal: unable to access 'https://192.0.2.1/r.git/': Maximum (20) redirects followed\n",
  ],
  [
    'git_not_a_repository',
    false,
    'fatal: unable to access \'https://192.0.2.1/r.git/\': Protocol "http" not supported or disabled in libcurl\n',
  ],
  ['git_not_a_repository', false, 'fatal: protocol error: bad line length character: This\n'],
  ...[302, 400, 405, 406, 418, 451, 501].map((status): [string, boolean, string] => [
    'git_refused',
    false,
    `fatal: unable to access 'https://192.0.2.1/r.git/': The requested URL returned error: ${status}\n`,
  ]),
  ...[408, 425, 500, 502, 504].map((status): [string, boolean, string] => [
    'git_network',
    true,
    `fatal: unable to access 'https://192.0.2.1/r.git/': The requested URL returned error: ${status}\n`,
  ]),
  [
    'git_branch_not_found',
    false,
    'fatal: remote error: upload-pack: not our ref 0123456789012345678901234567890123456789\n',
  ],
  [
    'git_tls_failed',
    false,
    "fatal: unable to access 'https://192.0.2.1/r.git/': SSL: certificate subject name (a) does not match target hostname '192.0.2.1'\n",
  ],
  ['git_failed', true, "fatal: destination path '/workspace' already exists and is not an empty directory.\n"],
  ['git_failed', true, 'error: unable to create file x: Permission denied\nfatal: unable to checkout working tree\n'],
  ['git_failed', true, ''],
];

describe('classifyGitFailure', () => {
  it.each(MESSAGES)('is %s (retryable: %s) for %j', (code, retryable, stderr) => {
    expect(classifyGitFailure(128, stderr)).toMatchObject({ name: 'JobFailure', code, retryable });
  });

  it.each([124, 137, 143])('is git_killed for exit code %i', (exitCode) => {
    expect(classifyGitFailure(exitCode, 'Receiving objects:  42%\r')).toMatchObject({
      code: 'git_killed',
      retryable: true,
    });
  });

  it('prefers the output over the exit code', () => {
    expect(classifyGitFailure(137, 'fatal: write error: No space left on device\n').code).toBe('out_of_disk');
  });

  it('names the rule that the egress gateway missed', () => {
    const rule = '{"host":"git.example.org","ports":[22]}';
    const explanation = `DevForge egress: git.example.org:22 is not allowed. The rule that allows it: ${rule}`;
    for (const stderr of [
      `nc: Proxy error: "HTTP/1.1 403 ${explanation}"\nConnection closed by UNKNOWN port 65535\r\n`,
      `fatal: unable to access 'https://git.example.org/': CONNECT tunnel failed, response 403\n${explanation}\n`,
    ]) {
      const { code, message } = classifyGitFailure(128, stderr);
      expect([code, message.endsWith(`${rule}.`)]).toEqual(['egress_denied', true]);
    }
  });

  it.each([
    'git.example.org cannot be resolved (ENOTFOUND)',
    'git.example.org:443 cannot be reached (ECONNREFUSED)',
    'git.example.org:443 cannot be reached through the outer proxy (timeout)',
    'the gateway failed.',
  ])('tries again when the egress gateway says that %s', (explanation) => {
    for (const stderr of [
      `nc: Proxy error: "HTTP/1.1 502 DevForge egress: ${explanation}"\nConnection closed by UNKNOWN port 65535\r\n`,
      `fatal: unable to access 'https://git.example.org/': CONNECT tunnel failed, response 502\nDevForge egress: ${explanation}\n`,
    ]) {
      const { code, retryable, message } = classifyGitFailure(128, stderr);
      expect([code, retryable, message.includes(explanation)]).toEqual(['git_network', true, true]);
    }
  });

  it('contains an exit code that the output does not explain', () => {
    expect(classifyGitFailure(3, 'strange\n').message).toContain('exit code 3');
    expect(
      classifyGitFailure(128, "Cloning\nfatal: destination path '/workspace' is not empty.\nhint: x\n").message,
    ).toBe("Git ended with exit code 128: fatal: destination path '/workspace' is not empty.");
  });

  it('keeps the last twenty lines, and searches only them', () => {
    const progress = Array.from({ length: 500 }, (_, index) => `Receiving objects: ${index}\r`).join('');
    const failure = classifyGitFailure(128, `fatal: Authentication failed\n${progress}fatal: early EOF\n\n`);
    expect(failure.output).toHaveLength(20);
    expect(failure.output?.at(-1)).toBe('fatal: early EOF');
    expect(failure.code).toBe('git_network');
  });
});
