/** A client for the part of DevForge's REST API that the quickstart uses. */
import http from 'node:http';
import { Failure } from '../failure.mjs';

const CALL_MS = 30_000;

/**
 * @param {{ host: string, port: number, token?: string, method?: string, path: string, body?: object, timeoutMs?: number }} options
 * @returns {Promise<{ status: number, body: any }>} body undefined when it is not JSON
 */
export function call({ host, port, token, method = 'GET', path, body, timeoutMs = CALL_MS }) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    Accept: 'application/json',
    ...(token && { Authorization: `Bearer ${token}` }),
    ...(text && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path, headers, agent: false }, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (answer += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(answer) }));
    });
    request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    request.on('error', reject);
    request.end(text);
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A client of one server. `must` resolves with the body, or throws a failure with the problem that the server reported. */
export function devforgeClient({ host, port, token }) {
  const request = (method, path, body) => call({ host, port, token, method, path, body });
  const must = async (method, path, body) => {
    const answer = await request(method, path, body);
    if (answer.status < 300) return answer.body;
    throw new Failure(`DevForge answered ${answer.status} to ${method} ${path}: ${describeProblem(answer.body)}`);
  };
  return { request, must };
}

/** @param {{ detail?: string, title?: string, code?: string, errors?: { field: string, messages: string[] }[] }} [problem] */
export function describeProblem(problem) {
  if (!problem) return 'no reason given';
  const text = problem.detail ?? problem.title ?? '';
  const fields = (problem.errors ?? []).map(({ field, messages }) => `${field}: ${messages.join(', ')}`);
  // The detail of an invalid request names the fields already.
  const further = fields.filter((field) => !text.includes(field));
  return [text, problem.code && `(${problem.code})`, ...further].filter(Boolean).join(' ');
}
