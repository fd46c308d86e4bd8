import { JobFailure } from '../common/errors/job-failure.js';
import { cleanGitLine } from './git-output.js';

interface Kind {
  code: string;
  pattern: RegExp;
  /** `$1` is the group of the pattern. */
  message: string;
  retryable: boolean;
}

/** Patterns in git's output, the most specific first. */
const KINDS: Kind[] = [
  {
    code: 'git_network',
    pattern: /DevForge egress: (\S+ cannot be (?:resolved|reached).*?|the gateway failed)\.?"?$/m,
    message: 'The server could not be reached, or the connection broke: $1.',
    retryable: true,
  },
  {
    code: 'egress_denied',
    pattern: /DevForge egress: (.+?)\.?"?$/m,
    message: 'The egress of the container does not allow the clone: $1.',
    retryable: false,
  },
  {
    code: 'egress_denied',
    pattern: /(?:CONNECT tunnel failed, response|HTTP code) 403|Proxy error: "HTTP\/1\.1 403/,
    message:
      'The egress of the container does not allow a host that the repository leads to: GET /api/containers/:id/egress/denials names it, and the rule that allows it.',
    retryable: false,
  },
  {
    code: 'git_host_key_changed',
    pattern: /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/i,
    message: 'The SSH host key of the server is not the one that is known for it.',
    retryable: false,
  },
  {
    code: 'git_branch_not_found',
    pattern:
      /Remote branch .+ not found|Could not find remote branch|couldn't find remote ref|not our ref|unadvertised object/i,
    message: 'The repository has no such branch, tag or commit.',
    retryable: false,
  },
  {
    code: 'git_auth_failed',
    pattern:
      /Authentication failed|Permission denied(?: \(|, please)|could not read Username|could not read Password|terminal prompts disabled|returned error: 40[13]/i,
    message:
      'The server did not accept the credentials: give the container an SSH key (sshKeyPath) that may read the repository.',
    retryable: false,
  },
  {
    code: 'git_not_a_repository',
    pattern:
      /is this a git repository\?|unable to update url base|invalid server response|bad line length character|redirects followed|Protocol "?http"? (?:not supported|disabled)/i,
    message:
      'The server does not answer as a git server does, but with something else such as a web page or its sign-in page: repoUrl must be the address for cloning.',
    retryable: false,
  },
  {
    code: 'out_of_disk',
    pattern: /No space left on device|Disk quota exceeded/i,
    message: 'There is no space left for the repository.',
    retryable: false,
  },
  {
    code: 'git_tls_failed',
    pattern:
      /SSL certificate problem|certificate verif|unable to get local issuer|certificate subject name|unexpected TLS packet|wrong version number/i,
    message: 'The TLS certificate of the server is not trusted: name its authority in EXTRA_CA_CERTS.',
    retryable: false,
  },
  {
    code: 'git_network',
    pattern:
      /Could not resolve host|Temporary failure|Connection (?:refused|reset|timed out|closed)|Operation timed out|Failed to connect|early EOF|unexpected disconnect|RPC failed|returned error: (?:408|425|429|5(?!0[15])\d\d)|kex_exchange_identification|Network is unreachable|No route to host|remote end hung up|Operation too slow/i,
    message: 'The server could not be reached, or the connection broke.',
    retryable: true,
  },
  {
    code: 'git_repository_not_found',
    pattern:
      /Repository not found|repository '.*' not found|does not appear to be a git repository|No such file or directory|not found|returned error: (?:404|410)/i,
    message: 'The server has no such repository, or does not show it to this key.',
    retryable: false,
  },
  {
    code: 'git_refused',
    pattern: /returned error: ([34]\d\d|50[15])/i,
    message: 'The server refused the request with HTTP $1: repoUrl may not be the address for cloning.',
    retryable: false,
  },
];
const KEPT_LINES = 20;
const FATAL = /^(?:fatal|error): /;
/** Exit codes of commands that were killed, by `timeout` or a signal. */
const KILLED = [124, 137, 143];

/** Classifies why a clone failed. Unknown failures are retryable. */
export function classifyGitFailure(exitCode: number, stderr: string): JobFailure {
  const output = stderr
    .split(/[\r\n]+/)
    .map(cleanGitLine)
    .filter((line) => line.trim() !== '')
    .slice(-KEPT_LINES);
  const text = output.join('\n');
  const kind = mostSpecific(KINDS.filter(({ pattern }) => pattern.test(text)));
  if (kind !== undefined) {
    const message = kind.message.replace('$1', kind.pattern.exec(text)?.[1] ?? '');
    return new JobFailure(kind.code, message, { retryable: kind.retryable, output });
  }
  if (KILLED.includes(exitCode))
    return new JobFailure('git_killed', 'Git was ended before it had cloned the repository.', {
      retryable: true,
      output,
    });
  const reason = output.findLast((line) => FATAL.test(line));
  const message = `Git ended with exit code ${exitCode}${reason === undefined ? '.' : `: ${reason}`}`;
  return new JobFailure('git_failed', message, { retryable: true, output });
}

/** SSH servers hang up after every refusal, so a refusal takes precedence over a broken connection. */
function mostSpecific(kinds: Kind[]): Kind | undefined {
  const missing = kinds.find(({ code }) => code === 'git_repository_not_found');
  const first = kinds[0];
  const onlyHungUp = first?.code === 'git_network' && missing !== undefined;
  return onlyHungUp ? missing : first;
}
