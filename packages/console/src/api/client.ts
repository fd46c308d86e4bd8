import type { paths } from '@devforge/contract';
import createClient from 'openapi-fetch';
import { ApiError, type Problem } from './api-error.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Of the session; changes need it. It is in no storage of the browser: the server gives it again after a reload. */
let csrfToken: string | null = null;

export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** `fetch` with the session's CSRF token where one is needed. @throws ApiError when the server does not answer */
export async function apiFetch(request: Request): Promise<Response> {
  if (csrfToken !== null && !SAFE.has(request.method)) request.headers.set('X-CSRF-Token', csrfToken);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(null, 0);
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: apiFetch });

/** The body of a successful response. @throws ApiError otherwise */
export async function must<Data>(
  answer: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<NonNullable<Data>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw new ApiError(asProblem(error, response), response.status);
  return data as NonNullable<Data>;
}

/** For responses that are not JSON. @throws ApiError when it did not succeed */
export async function mustFetch(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await apiFetch(new Request(new URL(path, location.origin), init));
  if (!response.ok) throw new ApiError(asProblem(await response.json().catch(() => null), response), response.status);
  return response;
}

function asProblem(body: unknown, { status, statusText }: Response): Problem {
  if (typeof body === 'object' && body !== null && 'code' in body) return body as Problem;
  // A proxy in between has answered.
  return {
    type: 'about:blank',
    title: statusText,
    status,
    detail: statusText || `HTTP ${status}`,
    code: '',
    requestId: '',
  };
}
