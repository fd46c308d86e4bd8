import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestAuthority } from './certificate.js';
import { Faults } from './faults.js';
import { serveByBackend } from './http-backend.js';
import { LfsStore } from './lfs-store.js';
import type { Repositories } from './repositories.js';

export interface Credentials {
  username: string;
  password: string;
}

/** One request that was answered or given up. */
export interface ServedRequest {
  method: string;
  /** Path and query. */
  url: string;
  status: number;
}

/** What a server answers under an address where there is no repository. */
export interface Page {
  status: number;
  headers?: Record<string, string>;
}

const LFS_API = '/info/lfs';
const LFS_OBJECT = /^\/lfs-objects\/([0-9a-f]{64})$/;
const PATH = /^\/([^/]+?)(?:\.git)?(\/.*)$/;

/** git over smart HTTP and TLS: clone and fetch for everyone, private repositories, push and Git LFS with credentials. */
export class HttpsGitServer {
  readonly faults = new Faults();
  /** Every request so far, in the order in which they ended. */
  readonly requests: ServedRequest[] = [];
  /** By the name that a repository would have. */
  readonly pages = new Map<string, Page>();
  readonly lfs = new LfsStore();

  private constructor(
    private readonly server: Server,
    private readonly authority: TestAuthority,
    private readonly repositories: Repositories,
    private readonly credentials: Credentials,
    private hosts: string[],
  ) {
    server.on('request', (request, response) => void this.serve(request, response));
    server.on('tlsClientError', () => undefined);
  }

  /** Listens on every address and on a free port; the certificate is good for `hosts`. */
  static async start(
    authority: TestAuthority,
    repositories: Repositories,
    credentials: Credentials,
    hosts: string[],
  ): Promise<HttpsGitServer> {
    const server = createServer(await authority.issue(hosts)).listen(0, '0.0.0.0');
    await once(server, 'listening');
    return new HttpsGitServer(server, authority, repositories, credentials, hosts);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Makes the certificate good for one more private address, such as that of a bridge made later. */
  async addHost(host: string): Promise<void> {
    this.hosts = [...this.hosts, host];
    this.server.setSecureContext(await this.authority.issue(this.hosts));
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    this.faults.reset();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/' } = request;
    response.once('close', () => this.requests.push({ method, url, status: response.statusCode }));
    await this.faults.open();
    if (this.faults.takeFailure()) return answer(request, response, 503, { 'Retry-After': '1' });
    const { pathname, searchParams, search } = new URL(url, 'https://localhost');
    const [, oid] = LFS_OBJECT.exec(pathname) ?? [];
    if (oid !== undefined) return this.lfs.serveObject(oid, request, response);
    const [, name = '', rest = ''] = PATH.exec(pathname) ?? [];
    const page = this.pages.get(name);
    if (page) return answer(request, response, page.status, page.headers);
    const visibility = this.repositories.visibilityOf(name);
    if (!visibility) return answer(request, response, 404);
    const isLfs = rest.startsWith(LFS_API);
    const writes = isLfs || rest === '/git-receive-pack' || searchParams.get('service') === 'git-receive-pack';
    const user = this.userOf(request);
    if ((writes || visibility === 'private') && user === undefined) {
      return answer(request, response, 401, { 'WWW-Authenticate': 'Basic realm="git"' });
    }
    if (isLfs) return this.lfs.serveApi(rest.slice(LFS_API.length), request, response);
    const target = { root: this.repositories.root, path: `/${name}.git${rest}`, query: search.slice(1), user };
    await serveByBackend(target, request, response, this.faults);
  }

  private userOf(request: IncomingMessage): string | undefined {
    const { username, password } = this.credentials;
    const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    return request.headers.authorization === expected ? username : undefined;
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  request.resume();
  response.writeHead(status, { 'Content-Type': 'text/plain', ...headers }).end(`${status}\n`);
}
