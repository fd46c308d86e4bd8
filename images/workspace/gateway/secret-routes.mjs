import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { canonicalHost } from './addresses.mjs';
import { agentFor } from './agents.mjs';
import { lookupOf, Refused, routeTo, Unreachable } from './dial.mjs';
import { endToEnd, exchange } from './forward-http.mjs';
import { NoRoom } from './spend/body-room.mjs';
import { BudgetExceeded } from './spend/budgets.mjs';
import { meter, NotCounted } from './spend/metered-call.mjs';

const SECRETS_TIMEOUT_MS = 15_000;
const HTTPS_PORT = 443;
/** What git and Git LFS ask for: with a token for them, nothing else of a forge is reached. */
const GIT_PATH = /\/(?:info\/refs|git-upload-pack|git-receive-pack|info\/lfs\/.*)$/;
/** An instruction says in the address who it is, so that its budget is kept. */
const MODEL_PATH = /^(?<prefix>\/model(?:\/instructions\/(?<instruction>[0-9a-f-]{36}))?)(?<rest>(?:[/?].*)?)$/;
/** Separators, dots and control characters, which servers decode at different times: none of these APIs has them in a path. */
const ENCODED = /%(?:2[ef]|5c|[01][\da-f]|7f)|\\/i;
/** For Anthropic's clients, Claude Code among them. */
const NO_RETRY = { 'x-should-retry': 'false' };
const TOO_MUCH = 'a request may have 32 MiB, and all that wait for a budget together no more.';
const NOT_COUNTED = 'batches and completions are not counted, so they are not allowed where there is a budget.';
/** How clients name themselves; the gateway does it for them. */
const CREDENTIALS = new Set(['authorization', 'x-api-key', 'cookie', 'proxy-authorization']);

/**
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:http').ServerResponse} ServerResponse
 * @typedef {import('./workspace.mjs').Workspace} Workspace
 * @typedef {{ base: URL, rest: string, headers: Record<string, string>, isExempt: boolean, isStrict: boolean, prefix: string }} Route
 * @typedef {Route & { instruction?: string | null }} FoundRoute of the model's API, with the instruction that works
 */

/**
 * `/model/…`, `/git/<host>/…` and `/http/<host>/…`: requests to which the gateway adds a secret.
 * @param {Workspace} workspace
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 */
export async function withSecret(workspace, request, response) {
  const secrets = await workspace.currentSecrets(SECRETS_TIMEOUT_MS);
  if (secrets === undefined) return answer(response, 503, 'the credentials of this workspace have not arrived yet.');
  const route = find(secrets, request.url ?? '');
  if (route === undefined) return answer(response, 404, 'there is no credential for this address.');
  const { base, rest, headers, isExempt, isStrict, prefix, instruction } = route;
  const url = new URL(`${base.href.replace(/\/$/, '')}${rest}`);
  if (url.host !== base.host || !url.pathname.startsWith(base.pathname.replace(/\/$/, '')))
    return answer(response, 400, 'the path leaves the address of the credential.');
  if (isStrict && ENCODED.test(rest.split('?', 1)[0] ?? ''))
    return answer(response, 400, 'the path may not have encoded separators, dots or control characters.');
  const host = canonicalHost(url.hostname) ?? '';
  const port = Number(url.port) || (url.protocol === 'https:' ? HTTPS_PORT : 80);
  if (!isExempt && !workspace.policy.allows(host, port)) throw new Refused('not_allowed', host, port);
  const isTls = url.protocol === 'https:';
  const isModel = instruction !== undefined;
  const { addresses, proxy } = await routeTo(workspace, host, port, { kind: isTls ? 'https' : 'http', isExempt });
  let call;
  try {
    call = isModel
      ? await meter(
          workspace.spending,
          instruction,
          request,
          url.pathname.slice(base.pathname.replace(/\/$/, '').length),
        )
      : undefined;
  } catch (error) {
    if (error instanceof BudgetExceeded) return answer(response, 402, budgetMessage(error), NO_RETRY);
    if (error instanceof NoRoom) return answer(response, error.isTemporary ? 529 : 413, TOO_MUCH);
    if (error instanceof NotCounted) return answer(response, 400, NOT_COUNTED, NO_RETRY);
    throw error;
  }
  try {
    const upstream = (isTls ? httpsRequest : httpRequest)({
      host,
      port,
      method: request.method ?? 'GET',
      path: `${url.pathname}${url.search}`,
      headers: {
        ...withoutCredentials(endToEnd(request), headers),
        // What is counted has to be read.
        ...(isModel ? { 'accept-encoding': 'identity' } : {}),
        ...headers,
        host: url.host,
      },
      lookup: lookupOf(addresses),
      agent: agentFor(isTls, proxy),
    });
    await exchange(request, response, upstream, url.host, {
      body: call?.body,
      onAnswer: (answered) => {
        if (call === undefined) return;
        workspace.modelProblem.note(answered.statusCode ?? null);
        call.observe(answered);
      },
      headersOf: (answered) => {
        const kept = endToEnd(answered);
        // A redirect within the host keeps the credential.
        const { location } = kept;
        const own =
          typeof location === 'string' && URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
        if (own?.origin === base.origin) kept['location'] = `${prefix}${own.pathname.slice(1)}${own.search}`;
        return kept;
      },
    });
  } catch (error) {
    call?.settle();
    // One that has gone away was not waited for.
    if (call !== undefined && error instanceof Unreachable && !request.socket.destroyed)
      workspace.modelProblem.note(null);
    throw error;
  }
}

/** @param {BudgetExceeded} exceeded */
function budgetMessage({ kind, limit }) {
  const of = {
    instruction: 'instruction',
    container: 'container',
    project_day: 'project for this day',
    project_month: 'project for this month',
  };
  return `the budget of the ${of[kind]}, ${limit / 1e9} USD, is used up.`;
}

/**
 * @param {import('./workspace.mjs').Secrets} secrets
 * @param {string} path
 * @returns {FoundRoute | undefined}
 */
function find({ modelApi, git, http }, path) {
  const [, kind, host = '', tail = ''] = /^\/(git|http)\/([^/?]+)(.*)$/.exec(path) ?? [];
  const model = modelApi === null ? null : MODEL_PATH.exec(path)?.groups;
  if (modelApi !== null && model) {
    const base = new URL(modelApi.baseUrl);
    const headers = { [modelApi.header]: modelApi.value };
    const { prefix = '', instruction = null, rest = '' } = model;
    return { base, rest, headers, isExempt: true, isStrict: true, prefix: `${prefix}/`, instruction };
  }
  const base = new URL(`https://${URL.canParse(`https://${host}/`) ? host : 'invalid'}/`);
  const route = { base, rest: tail, isExempt: false, isStrict: kind === 'git', prefix: `/${kind}/${host}/` };
  if (kind === 'git' && GIT_PATH.test(new URL(tail, base).pathname)) {
    const secret = git.find((each) => each.host === host);
    if (secret === undefined) return undefined;
    const token = Buffer.from(`${secret.username}:${secret.token}`).toString('base64');
    return { ...route, headers: { authorization: `Basic ${token}` } };
  }
  const secret = kind === 'http' ? http.find((each) => each.host === host) : undefined;
  return secret === undefined ? undefined : { ...route, headers: { [secret.header]: secret.value } };
}

/**
 * @param {Record<string, string | string[]>} headers
 * @param {Record<string, string>} secret
 */
function withoutCredentials(headers, secret) {
  const own = Object.keys(secret).map((name) => name.toLowerCase());
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name) && !own.includes(name)));
}

/**
 * @param {ServerResponse} response
 * @param {number} status
 * @param {string} message in the form of the model's API, which its clients show
 * @param {Record<string, string>} [headers]
 */
function answer(response, status, message, headers = {}) {
  const types = {
    402: 'billing_error',
    404: 'not_found_error',
    413: 'request_too_large',
    503: 'api_error',
    529: 'overloaded_error',
  };
  const type = types[/** @type {402} */ (status)] ?? 'invalid_request_error';
  const body = JSON.stringify({ type: 'error', error: { type, message: `DevForge egress: ${message}` } });
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(`${body}\n`);
}
