import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { dockerBridgeAddress } from '../git/addresses.js';
import { answer, send, tokensOf } from './answer.js';
import { credentialOf, type MessagesBody, type ModelRequest, lastUserMessageOf, purposeOf } from './requests.js';
import { ScriptedModel } from './scripted-model.js';

const PREFIX = /^\/m\/([^/]+)(\/.*)$/;
/** As long as a real key, since the CLI remembers which ones it may use by their last twenty characters. */
const KEY = 'sk-ant-api03-test-of-devforge-';

/** A call that is no `POST /v1/messages`. */
export interface OtherCall {
  method: string;
  url: string;
}

/**
 * Anthropic's Messages API as Claude Code uses it, in this process, on every address and a free port.
 *
 * It lives here: a test must not block the event loop while a container talks to it.
 */
export class MessagesApi {
  /** What else was asked for: `HEAD /`, `count_tokens`, and things that are answered 404. */
  readonly otherCalls: OtherCall[] = [];
  private readonly models = new Map<string, ScriptedModel>();
  private readonly closing = new AbortController();

  private constructor(
    private readonly server: Server,
    /** Where containers reach it. */
    readonly url: string,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.serve(request, response).catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else send(400, { type: 'error', error: { type: 'invalid_request_error', message: error.message } }, response);
      });
    });
  }

  /** @internal by {@link startMessagesApi} */
  static async start(host?: string): Promise<MessagesApi> {
    const address = host ?? (await dockerBridgeAddress()) ?? '127.0.0.1';
    const server = createServer().listen(0, '0.0.0.0');
    await once(server, 'listening');
    return new MessagesApi(server, `http://${address}:${(server.address() as AddressInfo).port}`);
  }

  /** The model with this name (letters, digits, hyphens), made when it is asked for first. */
  model(name = 'default'): ScriptedModel {
    const known = this.models.get(name);
    if (known) return known;
    const made = new ScriptedModel(name, `${this.url}/m/${name}`, `${KEY}${name.padStart(20, '0')}`);
    this.models.set(name, made);
    return made;
  }

  /** Cuts every connection. */
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
    const left = Promise.withResolvers<boolean>();
    const gone = new AbortController();
    response.once('close', () => {
      left.resolve(!response.writableFinished);
      gone.abort();
    });
    const asked: ModelRequest = {
      purpose: purposeOf(body),
      at: new Date(),
      headers,
      credential,
      body,
      ...lastUserMessageOf(body),
      clientAborted: left.promise,
    };
    const reply = await this.modelFor(prefix, credential?.value).reply(asked);
    await answer(reply, body, response, AbortSignal.any([gone.signal, this.closing.signal]));
  }

  private modelFor(prefix?: string, credential?: string): ScriptedModel {
    if (prefix !== undefined) return this.model(prefix);
    return [...this.models.values()].find((model) => model.credential === credential) ?? this.model();
  }
}

/**
 * Starts the API with no model in it; see {@link MessagesApi.model}.
 *
 * @param host where containers reach this process; by default the address of `docker0`, which every bridge lets through
 */
export function startMessagesApi(host?: string): Promise<MessagesApi> {
  return MessagesApi.start(host);
}
