import { setTimeout as sleep } from 'node:timers/promises';
import { requireDocumented } from './documented.js';
import { pollIntervals } from './polling.js';
import type { Container, ContainerList, ContainerStatus, CreateContainer, Job, Problem } from './types.js';

export type Headers = Record<string, string>;
export type Query = Record<string, string | number | boolean | undefined>;

/** An answer as it came; `body` has its declared type on success, and is a {@link Problem} otherwise. */
export interface ApiResponse<T> {
  status: number;
  headers: globalThis.Headers;
  body: T;
}

export interface ApiRequest {
  /** Sent as JSON, unless it is a string or bytes, which go as they are. */
  body?: unknown;
  headers?: Headers;
  query?: Query;
  /** 120 000 by default. */
  timeoutMs?: number;
}

/** DevForge's REST interface for tests: sends the token, and judges nothing but that the answer is a documented one. */
export class ApiClient {
  /**
   * @param token `null` sends no `Authorization` at all
   * @param headers sent with every request
   */
  constructor(
    readonly url: string,
    private readonly token: string | null,
    private readonly headers: Headers = {},
  ) {}

  create(body: CreateContainer, headers: Headers = {}): Promise<ApiResponse<Container>> {
    return this.request('POST', '/api/containers', { body, headers });
  }

  get(id: string, query: Query = {}): Promise<ApiResponse<Container>> {
    return this.request('GET', path(id), { query });
  }

  list(query: Query = {}): Promise<ApiResponse<ContainerList>> {
    return this.request('GET', '/api/containers', { query });
  }

  start(id: string): Promise<ApiResponse<Container>> {
    return this.request('POST', path(id, 'start'));
  }

  stop(id: string): Promise<ApiResponse<Container>> {
    return this.request('POST', path(id, 'stop'));
  }

  /** Answers 204 without a body. */
  remove(id: string, query: Query = {}): Promise<ApiResponse<undefined>> {
    return this.request('DELETE', path(id), { query });
  }

  job(id: string): Promise<ApiResponse<Job>> {
    return this.request('GET', `/api/jobs/${encodeURIComponent(id)}`);
  }

  /** Any other call. */
  async request<T>(method: string, pathname: string, options: ApiRequest = {}): Promise<ApiResponse<T>> {
    const { body, query = {}, timeoutMs = 120_000 } = options;
    const url = new URL(pathname, this.url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(url, {
      method,
      headers: {
        ...(this.token === null ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
        ...this.headers,
        ...options.headers,
      },
      body: body === undefined ? null : raw ? (body as string) : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const answer = { status: response.status, headers: response.headers, body: parse(await response.text()) as T };
    requireDocumented(method, url.pathname, answer.status, answer.body);
    return answer;
  }

  /**
   * Polls until the container has one of these statuses. A server that is away is asked again.
   *
   * @throws Error with the container's `statusReason` and its job's error when it becomes `failed` (unless that is
   * wanted), does not exist, or `timeoutMs` pass
   */
  async waitForStatus(
    id: string,
    statuses: ContainerStatus | ContainerStatus[],
    timeoutMs = 60_000,
  ): Promise<Container> {
    const wanted = [statuses].flat();
    const deadline = Date.now() + timeoutMs;
    let last: ApiResponse<Container> | Error = new Error('never asked');
    const intervals = pollIntervals();
    while (Date.now() < deadline) {
      last = await this.get(id).catch((error: Error) => error);
      if (!(last instanceof Error) && last.status === 200) {
        if (wanted.includes(last.body.status)) return last.body;
        if (last.body.status === 'failed') break;
      } else if (!(last instanceof Error) && last.status === 404) {
        break;
      }
      await sleep(intervals.next().value);
    }
    throw new Error(`Container ${id} did not become ${wanted.join(' or ')}: ${await this.explain(last)}`);
  }

  private async explain(last: ApiResponse<Container> | Error): Promise<string> {
    if (last instanceof Error) return `no answer (${last.message}, ${String(last.cause ?? '')})`;
    if (last.status !== 200) return `answer ${last.status} ${JSON.stringify(last.body)}`;
    const { status, statusReason, job } = last.body;
    const detail = job && (await this.job(job.id).catch(() => undefined));
    return `it is ${status}, reason ${JSON.stringify(statusReason)}, job ${JSON.stringify(detail?.body ?? job)}`;
  }
}

/** The body of an answer that must be a success. */
export function ok<T>(response: ApiResponse<T>): T {
  if (response.status >= 200 && response.status < 300) return response.body;
  throw new Error(`Answer ${response.status}: ${JSON.stringify(response.body)}`);
}

/** The body of an answer that must be a problem document. */
export function problem(response: ApiResponse<unknown>): Problem {
  const type = response.headers.get('content-type') ?? '';
  if (response.status >= 400 && type.includes('application/problem+json')) return response.body as Problem;
  throw new Error(`Not a problem: ${response.status} ${type} ${JSON.stringify(response.body)}`);
}

function path(id: string, action?: string): string {
  return `/api/containers/${encodeURIComponent(id)}${action ? `/${action}` : ''}`;
}

/** JSON where it is JSON, the text where it is not, `undefined` where there is none. */
function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
