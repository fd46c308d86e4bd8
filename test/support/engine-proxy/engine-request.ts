import type { IncomingMessage } from 'node:http';

/** One request to the engine, as the proxy saw it. */
export interface EngineRequest {
  method: string;
  /** Path and query, without the API version. */
  url: string;
  path: string;
  /** What follows the question mark; empty when there is none. */
  query: string;
  /** The body when it is JSON. */
  body: Record<string, unknown> | undefined;
}

export type RequestMatcher = (request: EngineRequest) => boolean;

const VERSION = /^\/v[\d.]+(?=\/)/;

/** @param content the whole body where it is JSON */
export function engineRequest({ method = '', url = '' }: IncomingMessage, content?: Buffer): EngineRequest {
  const unversioned = url.replace(VERSION, '');
  const [path = '', query = ''] = unversioned.split('?');
  const body = content?.length ? (JSON.parse(content.toString('utf8')) as Record<string, unknown>) : undefined;
  return { method, url: unversioned, path, query, body };
}

export function hasJsonBody({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('application/json') ?? false;
}

export async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
