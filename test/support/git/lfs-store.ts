import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer, json } from 'node:stream/consumers';

const TYPE = 'application/vnd.git-lfs+json';

interface Batch {
  operation: 'download' | 'upload';
  objects: { oid: string; size: number }[];
}

/**
 * Objects of Git LFS. As forges do, the batch endpoint, which asks for the credentials of the repository, answers with addresses
 * outside of it and a token of their own.
 */
export class LfsStore {
  /** By their SHA-256. */
  readonly objects = new Map<string, Buffer>();
  private readonly token = `Bearer ${randomUUID()}`;

  /** @param path below `info/lfs` of a repository */
  async serveApi(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path !== '/objects/batch') return void response.writeHead(404, { 'content-type': TYPE }).end('{}');
    const { operation, objects } = (await json(request)) as Batch;
    const action = (oid: string) => ({
      [operation]: {
        href: `https://${request.headers.host}/lfs-objects/${oid}`,
        header: { Authorization: this.token },
      },
    });
    const answered = objects.map(({ oid, size }) => ({ oid, size, authenticated: true, actions: action(oid) }));
    const body = JSON.stringify({ transfer: 'basic', objects: answered });
    response.writeHead(200, { 'content-type': TYPE }).end(body);
  }

  async serveObject(oid: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== this.token) return void response.writeHead(401).end();
    if (request.method === 'PUT') {
      const content = await buffer(request);
      if (createHash('sha256').update(content).digest('hex') !== oid) return void response.writeHead(422).end();
      this.objects.set(oid, content);
    }
    const content = this.objects.get(oid);
    response.writeHead(content === undefined ? 404 : 200).end(request.method === 'GET' ? content : undefined);
  }
}
