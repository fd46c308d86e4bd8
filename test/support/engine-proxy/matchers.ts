import type { RequestMatcher } from './engine-request.js';

const ROLE = 'devforge.role';

const is =
  (method: string, path: RegExp): RequestMatcher =>
  (request) =>
    request.method === method && path.test(request.path);

export const inspectsImage = is('GET', /^\/images\/.+\/json$/);
export const pullsImage = is('POST', /^\/images\/create$/);
export const listsNetworks = is('GET', /^\/networks$/);
export const listsContainers = is('GET', /^\/containers\/json$/);
export const starts = is('POST', /^\/containers\/[^/]+\/start$/);
export const stops = is('POST', /^\/containers\/[^/]+\/stop$/);
export const removesContainer = is('DELETE', /^\/containers\//);
export const removesVolume = is('DELETE', /^\/volumes\//);
export const followsEvents = is('GET', /^\/events$/);
export const followsLogs: RequestMatcher = (request) =>
  is('GET', /^\/containers\/[^/]+\/logs$/)(request) && request.url.includes('follow=true');
const inspectsExec = is('GET', /^\/exec\/[^/]+\/json$/);

export const creates =
  (role: 'workspace' | 'git-agent'): RequestMatcher =>
  (request) =>
    is('POST', /^\/containers\/create$/)(request) &&
    (request.body?.['Labels'] as Record<string, string> | undefined)?.[ROLE] === role;

/** An exec of this command line. */
export const executes =
  (...words: string[]): RequestMatcher =>
  (request) =>
    is('POST', /^\/containers\/[^/]+\/exec$/)(request) &&
    words.every((word) => (request.body?.['Cmd'] as string[] | undefined)?.includes(word));

export const clones = executes('/usr/local/bin/devforge-clone', 'run');
export const setsUp = executes('/usr/local/bin/devforge-setup', 'run');
export const addsKey = executes('ssh-add', '-q');

/** The one of this kind that comes `count`-th. */
export function nth(count: number, matches: RequestMatcher): RequestMatcher {
  let seen = 0;
  return (request) => matches(request) && (seen += 1) === count;
}

/** The first of a kind after one of another kind. */
function after(first: RequestMatcher, then: RequestMatcher): RequestMatcher {
  let begun = false;
  return (request) => {
    if (begun) return then(request);
    begun = first(request);
    return false;
  };
}

/** The set-up is through, and DevForge asks how it ended. */
export const inspectsEndOfSetUp = (): RequestMatcher => after(setsUp, inspectsExec);

/** Git is through, and DevForge asks how it ended. */
export const inspectsEndOfClone = (): RequestMatcher => after(clones, inspectsExec);
