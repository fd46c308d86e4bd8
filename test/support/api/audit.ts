import { randomUUID } from 'node:crypto';
import { type ApiClient, type ApiRequest, type ApiResponse, ok } from './client.js';

export interface AuditEvent {
  id: number;
  at: string;
  actor: { kind: string; id: string; name: string } | null;
  credential: { kind: string; id: string | null } | null;
  address: string | null;
  requestId: string | null;
  action: string;
  target: { kind: string; id: string | null; name: string | null };
  projectId: string | null;
  outcome: string;
  code: string | null;
  details: Record<string, unknown> | null;
}

/** Does something in a request of its own. @returns the answer, and the id by which its event is found */
export async function identified<T>(
  client: ApiClient,
  method: string,
  path: string,
  options: ApiRequest = {},
): Promise<{ requestId: string; answer: ApiResponse<T> }> {
  const requestId = `audit-${randomUUID()}`;
  const headers = { ...options.headers, 'x-request-id': requestId };
  return { requestId, answer: await client.request<T>(method, path, { ...options, headers }) };
}

/** Every event that the client may see, latest first. */
export async function auditOf(client: ApiClient, query: Record<string, string> = {}): Promise<AuditEvent[]> {
  const text = ok(await client.request<string>('GET', '/api/audit', { query: { ...query, format: 'ndjson' } }));
  return linesOf(text);
}

/** A single line of JSON is parsed by the client. */
export function linesOf(body: string | object | undefined): AuditEvent[] {
  if (typeof body === 'object') return [body as AuditEvent];
  return (body ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent);
}
