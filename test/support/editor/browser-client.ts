import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface SiteAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What asks for a WebSocket. */
export const WEBSOCKET = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** What a browser does with a site of DevForge: names resolve to the server, and the cookie goes along. No library lets a test forge `Host`. */
export class BrowserLike {
  /** As it would be sent. */
  cookie: string | undefined;

  /** @param url of the server itself */
  constructor(private readonly url: string) {}

  /** @param target an address, whose host becomes `Host`, or a request target that is sent as it is */
  ask(
    target: string,
    { method = 'GET', headers = {}, body = '' }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
  ): Promise<SiteAnswer> {
    return new Promise((resolve, reject) => {
      const asked = request({ ...this.options(target, headers), method }, (response) => {
        text(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          reject,
        );
      });
      asked.on('error', reject).end(body);
    });
  }

  /** Follows a link that signs in. @returns the answer to the link itself */
  async signIn(link: string): Promise<SiteAnswer> {
    const answer = await this.ask(link);
    this.cookie = answer.headers['set-cookie']?.[0]?.split(';')[0];
    return answer;
  }

  /** Asks for a WebSocket. @returns the status, 101 when it was opened, and the connection */
  upgrade(target: string, headers: OutgoingHttpHeaders = {}): Promise<{ status: number; socket?: Socket }> {
    const { host } = new URL(target);
    return new Promise((resolve, reject) => {
      const asked = request(this.options(target, { ...WEBSOCKET, Origin: `http://${host}`, ...headers }));
      asked.on('upgrade', (response, socket) =>
        resolve({ status: response.statusCode ?? 0, socket: socket as Socket }),
      );
      asked.on('response', (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0 });
      });
      asked.on('error', reject).end();
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
      headers: {
        ...(url === undefined ? {} : { Host: url.host }),
        ...(this.cookie === undefined ? {} : { Cookie: this.cookie }),
        ...rest,
      },
    };
  }
}
