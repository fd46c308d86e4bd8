import type { GateRequest, Matcher } from './engine-gate.js';

const ROLE = 'devforge.role';

const pathOf = ({ url }: GateRequest): string => url.split('?')[0]!;
const is =
  (method: string, path: RegExp): Matcher =>
  (request) =>
    request.method === method && path.test(pathOf(request));

export const looksForImage = is('GET', /^\/images\/.+\/json$/);
export const pullsImage = is('POST', /^\/images\/create$/);
export const looksForNetwork = is('GET', /^\/networks$/);
export const starts = is('POST', /^\/containers\/[^/]+\/start$/);
export const stops = is('POST', /^\/containers\/[^/]+\/stop$/);
export const removesContainer = is('DELETE', /^\/containers\//);
export const removesVolume = is('DELETE', /^\/volumes\//);
export const followsEvents = is('GET', /^\/events$/);
export const followsLogs: Matcher = (request) =>
  is('GET', /^\/containers\/[^/]+\/logs$/)(request) && request.url.includes('follow=true');
const inspectsExec = is('GET', /^\/exec\/[^/]+\/json$/);

export const creates =
  (role: 'workspace' | 'git-agent'): Matcher =>
  (request) =>
    is('POST', /^\/containers\/create$/)(request) &&
    (request.body?.['Labels'] as Record<string, string> | undefined)?.[ROLE] === role;

/** An exec of this command line. */
export const executes =
  (...words: string[]): Matcher =>
  (request) =>
    is('POST', /^\/containers\/[^/]+\/exec$/)(request) &&
    words.every((word) => (request.body?.['Cmd'] as string[] | undefined)?.includes(word));

export const clones = executes('/usr/local/bin/devforge-clone', 'run');
export const addsKey = executes('ssh-add', '-q');

/** The one of this kind that comes `count`-th. */
export function nth(count: number, matches: Matcher): Matcher {
  let seen = 0;
  return (request) => matches(request) && (seen += 1) === count;
}

/** The first of a kind after one of another kind. */
function after(first: Matcher, then: Matcher): Matcher {
  let begun = false;
  return (request) => {
    if (begun) return then(request);
    begun = first(request);
    return false;
  };
}

/** Git is through, and DevForge asks how it ended. */
export const asksHowCloneEnded = (): Matcher => after(clones, inspectsExec);
