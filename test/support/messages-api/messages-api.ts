import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { dockerBridgeAddress } from '../git/addresses.js';
import { answer, send, tokensOf } from './answer.js';
import { credentialOf, type MessagesBody, type ModelRequest, lastUserMessageOf, purposeOf } from './requests.js';
import { ScriptedModel } from './scripted-model.js';

const PREFIX = /^\/m\/([^/]+)(\/.*)$/;
/** Padded to the length of a real key: Claude Code stores approval of a key by its last twenty characters. */
const KEY = 'sk-ant-api03-test-of-devforge-';

/** PEM. */
export interface Certificate {
  key: string;
  cert: string;
}

/** A request other than `POST /v1/messages`. */
export interface OtherCall {
  method: string;
  url: string;
}

/**
 * Simulates the parts of Anthropic's Messages API that Claude Code uses, on every address and a free port.
 *
 * It runs in the process of the test, which must not block the event loop while a container uses it.
 */
export class MessagesApi {
  /** Other requests: `HEAD /`, `count_tokens`, and those that are answered with 404. */
  readonly otherCalls: OtherCall[] = [];
  private readonly models = new Map<string, ScriptedModel>();
  private readonly closing = new AbortController();

  private constructor(
    private readonly server: Server | TlsServer,
    /** The address for containers. */
    readonly url: string,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.serve(request, response).catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else send(400, { type: 'error', error: { type: 'invalid_request_error', message: error.message } }, response);
      });
    });
  }

  /** @internal Use {@link startMessagesApi}. */
  static async start(host?: string, tls?: Certificate): Promise<MessagesApi> {
    const address = host ?? (await dockerBridgeAddress()) ?? '127.0.0.1';
    const server = (tls === undefined ? createServer() : createTlsServer(tls)).listen(0, '0.0.0.0');
    await once(server, 'listening');
    return new MessagesApi(
      server,
      `${tls === undefined ? 'http' : 'https'}://${address}:${(server.address() as AddressInfo).port}`,
    );
  }

  /** The model with this name (letters, digits, hyphens), which is created on first use. */
  model(name = 'default'): ScriptedModel {
    const known = this.models.get(name);
    if (known) return known;
    const created = new ScriptedModel(name, `${this.url}/m/${name}`, `${KEY}${name.padStart(20, '0')}`);
    this.models.set(name, created);
    return created;
  }

  /** Stops the server and closes every connection. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.closing.abort();
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/' } = request;
    const [, prefix, rest = url] = PREFIX.exec(url) ?? [];
    const { pathname } = new URL(rest, 'http://localhost');
    if (method === 'POST' && pathname === '/v1/messages') return this.serveMessages(request, response, prefix);
    this.otherCalls.push({ method, url });
    if (method === 'POST' && pathname === '/v1/messages/count_tokens') {
      return send(200, { input_tokens: tokensOf(JSON.stringify(await json(request))) }, response);
    }
    request.resume();
    if (method === 'HEAD') return void response.writeHead(200).end();
    send(404, { type: 'error', error: { type: 'not_found_error', message: `${method} ${pathname}` } }, response);
  }

  private async serveMessages(request: IncomingMessage, response: ServerResponse, prefix?: string): Promise<void> {
    const body = (await json(request)) as MessagesBody;
    const { headers } = request;
    const credential = credentialOf(headers);
    const aborted = Promise.withResolvers<boolean>();
    const closed = new AbortController();
    response.once('close', () => {
      aborted.resolve(!response.writableFinished);
      closed.abort();
    });
    const received: ModelRequest = {
      purpose: purposeOf(body),
      at: new Date(),
      headers,
      credential,
      body,
      ...lastUserMessageOf(body),
      clientAborted: aborted.promise,
    };
    const reply = await this.modelFor(prefix, credential?.value).reply(received);
    await answer(reply, body, response, AbortSignal.any([closed.signal, this.closing.signal]));
  }

  private modelFor(prefix?: string, credential?: string): ScriptedModel {
    if (prefix !== undefined) return this.model(prefix);
    return [...this.models.values()].find((model) => model.credential === credential) ?? this.model();
  }
}

/**
 * Starts the API without models; see {@link MessagesApi.model}.
 *
 * @param host the address for containers; by default that of `docker0`, which is reachable from every bridge network
 * @param tls for `https`, a certificate for that address
 */
export function startMessagesApi(host?: string, tls?: Certificate): Promise<MessagesApi> {
  return MessagesApi.start(host, tls);
}
