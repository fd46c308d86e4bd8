import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { requireDocumented } from '../api/documented.js';

export interface FilesAnswer {
  status: number;
  headers: Headers;
  bytes: Buffer;
}

/** The files of one container over HTTP, as bytes. */
export class FilesClient {
  private readonly url: string;
  private readonly headers: Record<string, string>;

  constructor(url: string, token: string, container: string) {
    this.url = `${url}/api/containers/${container}/files`;
    this.headers = { authorization: `Bearer ${token}` };
  }

  get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<FilesAnswer> {
    return this.ask(method, path, headers);
  }

  put(path: string, body: Uint8Array | string, headers: Record<string, string> = {}): Promise<FilesAnswer> {
    return this.ask('PUT', path, { 'content-type': 'application/octet-stream', ...headers }, body);
  }

  /** Unpacks an archive. */
  putTar(path: string, archive: Uint8Array, headers: Record<string, string> = {}): Promise<FilesAnswer> {
    return this.put(path, archive, { 'content-type': 'application/x-tar', ...headers });
  }

  remove(path: string, headers: Record<string, string> = {}): Promise<FilesAnswer> {
    return this.ask('DELETE', path, headers);
  }

  /** An upload that the caller sends piece by piece. */
  upload(path: string, headers: Record<string, string | number> = {}): ReturnType<typeof request> {
    return request(this.at(path), { method: 'PUT', agent: false, headers: { ...this.headers, ...headers } });
  }

  /** Sends what the stream has; answers when the server does. */
  send(
    path: string,
    body: Readable,
    headers: Record<string, string | number> = {},
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const sending = this.upload(path, headers);
      sending.once('response', (response) => {
        void buffer(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, text: bytes.toString('utf8') }),
          reject,
        );
      });
      sending.once('error', reject);
      body.pipe(sending);
    });
  }

  at(path: string): URL {
    const url = new URL(this.url);
    url.searchParams.set('path', path);
    return url;
  }

  private async ask(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array | string,
  ): Promise<FilesAnswer> {
    const response = await fetch(this.at(path), {
      method,
      headers: { ...this.headers, ...headers },
      body: (body as string | undefined) ?? null,
      signal: AbortSignal.timeout(120_000),
    });
    const answer = {
      status: response.status,
      headers: response.headers,
      bytes: Buffer.from(await response.arrayBuffer()),
    };
    const { code } = codeOf(answer);
    requireDocumented(method, new URL(this.url).pathname, answer.status, { code });
    return answer;
  }
}

/** The code of the problem that a request was answered with. */
export function codeOf({ status, headers, bytes }: FilesAnswer): { status: number; code: string } {
  if (!headers.get('content-type')?.startsWith('application/problem+json')) return { status, code: '' };
  return { status, code: (JSON.parse(bytes.toString('utf8')) as { code: string }).code };
}
