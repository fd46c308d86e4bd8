import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface SiteAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Headers of a WebSocket upgrade. */
export const WEBSOCKET = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/**
 * Requests sites of DevForge as a browser does: all names resolve to the server, and the cookie is sent. HTTP libraries do
 * not let a test set `Host`.
 */
export class BrowserClient {
  /** The value of the `Cookie` header. */
  cookie: string | undefined;

  /** @param url of the server */
  constructor(private readonly url: string) {}

  /** @param target a URL, whose host becomes `Host`, or a request target that is sent unchanged */
  request(
    target: string,
    { method = 'GET', headers = {}, body = '' }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
  ): Promise<SiteAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request({ ...this.options(target, headers), method }, (response) => {
        text(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      });
      sent.on('error', reject).end(body);
    });
  }

  /** Opens a sign-in link. @returns the response, which is not followed */
  async signIn(link: string): Promise<SiteAnswer> {
    const answer = await this.request(link);
    this.cookie = answer.headers['set-cookie']?.[0]?.split(';')[0];
    return answer;
  }

  /** Requests a WebSocket. @returns the status, and the connection if that is 101 */
  upgrade(
    target: string,
    headers: OutgoingHttpHeaders = {},
  ): Promise<{ status: number; headers: IncomingHttpHeaders; socket?: Socket }> {
    const { host } = new URL(target);
    return new Promise((resolve, reject) => {
      const sent = request(this.options(target, { ...WEBSOCKET, Origin: `http://${host}`, ...headers }));
      sent.on('upgrade', ({ statusCode = 0, headers: received }, socket) =>
        resolve({ status: statusCode, headers: received, socket: socket as Socket }),
      );
      sent.on('response', (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, headers: response.headers });
      });
      sent.on('error', reject).end();
    });
  }

  private options(target: string, headers: OutgoingHttpHeaders): object {
    const { hostname, port } = new URL(this.url);
    const url = URL.canParse(target) && headers['X-Raw-Target'] === undefined ? new URL(target) : undefined;
    const { 'X-Raw-Target': raw, ...rest } = headers;
    return {
      hostname,
      port,
      path: (raw as string | undefined) ?? (url === undefined ? target : url.pathname + url.search),
      maxHeaderSize: 128 * 1024,
      headers: {
        ...(url === undefined ? {} : { Host: url.host }),
        ...(this.cookie === undefined ? {} : { Cookie: this.cookie }),
        ...rest,
      },
    };
  }
}
