import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { requireTool } from '../api/tool.js';
import type { Faults } from './faults.js';
import { gitEnvironment } from './run.js';

export interface BackendRequest {
  /** The folder of the bare repositories. */
  root: string;
  /** `/<name>.git/…` below {@link root}. */
  path: string;
  query: string;
  /** The signed-in user, who may push. */
  user: string | undefined;
}

/** Serves one request by `git http-backend`, which speaks CGI. */
export async function serveByBackend(
  target: BackendRequest,
  request: IncomingMessage,
  response: ServerResponse,
  faults: Faults,
): Promise<void> {
  const child = spawn(requireTool('git', 'git'), ['http-backend'], {
    env: cgiEnvironment(target, request),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.once('error', () => response.destroy());
  response.once('close', () => child.kill('SIGKILL'));
  // Either side may go away at any time; the client notices, nobody else needs to.
  const body = pipeline(request, child.stdin).catch(() => undefined);
  const answer = pipeline(
    child.stdout,
    (source: AsyncIterable<Buffer>) => withoutHead(source, response),
    (source: AsyncIterable<Buffer>) => faults.paced(source),
    response,
  ).catch(() => undefined);
  await Promise.all([body, answer]);
}

function cgiEnvironment(target: BackendRequest, request: IncomingMessage): NodeJS.ProcessEnv {
  const header = (name: string) => request.headers[name]?.toString();
  return {
    ...gitEnvironment(),
    GATEWAY_INTERFACE: 'CGI/1.1',
    GIT_PROJECT_ROOT: target.root,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: request.method,
    PATH_INFO: target.path,
    QUERY_STRING: target.query,
    REMOTE_ADDR: request.socket.remoteAddress,
    REMOTE_USER: target.user,
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: header('content-length'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
  };
}

/** Turns the CGI head into the answer's status and headers, and passes the rest on. */
async function* withoutHead(source: AsyncIterable<Buffer>, response: ServerResponse): AsyncGenerator<Buffer> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of source) {
    if (!head) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const rest = head.subarray(end + 4);
    writeHead(response, head.subarray(0, end).toString('latin1'));
    head = null;
    if (rest.length > 0) yield rest;
  }
  if (head) response.writeHead(500);
}

function writeHead(response: ServerResponse, head: string): void {
  let status = 200;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}
