import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerClientErrors } from './client-errors.js';
import { isTrusted } from './trusted-requests.js';

/** How long a new connection may take until its first request is complete but for its body. */
const FIRST_REQUEST_MS = 15_000;
/** How long the body of a request may take that nobody has authenticated. */
const STRANGER_BODY_MS = 10_000;
/** How long a client may go on sending a body after the response. */
const UNREAD_BODY_MS = { trusted: 5_000, stranger: 1_000 };
/** How long a client may read nothing of a response that is complete on this side. */
const STALLED_RESPONSE_MS = 120_000;
/** By how much the time for headers exceeds the time for which an idle connection is kept. */
const HEADERS_SPARE_MS = 5_000;

/**
 * Ends connections that are kept without need: those whose request or body never ends, and clients that do not read. Must
 * be called after everything else has added its listeners to the server, so that it sees the requests to sites as well.
 */
export function limitConnections(server: Server, keepAliveSeconds: number): void {
  server.keepAliveTimeout = keepAliveSeconds * 1_000;
  server.headersTimeout = server.keepAliveTimeout + HEADERS_SPARE_MS;
  // It would apply to uploads too; the limits of bodies are below, and where bodies are read.
  server.requestTimeout = 0;
  answerClientErrors(server);
  const waiting = new WeakMap<Socket, NodeJS.Timeout>();
  const began = ({ socket }: IncomingMessage): void => clearTimeout(waiting.get(socket));
  server.on('connection', (socket) => {
    const timer = setTimeout(() => socket.destroy(), FIRST_REQUEST_MS).unref();
    waiting.set(socket, timer);
    socket.once('close', () => clearTimeout(timer));
  });
  server.prependListener('upgrade', began);
  server.prependListener('request', (request, response) => {
    began(request);
    const { socket } = request;
    if (hasBody(request)) limitBody(request, response);
    response.once('prefinish', () => response.setTimeout(STALLED_RESPONSE_MS, () => socket.destroy()));
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function limitBody(request: IncomingMessage, response: ServerResponse): void {
  // The request itself has no socket any more once it was aborted.
  const { socket } = request;
  const endIf = (condition: () => boolean): void => {
    if (!request.complete && condition()) socket.destroy();
  };
  const timer = setTimeout(() => endIf(() => !isTrusted(request)), STRANGER_BODY_MS).unref();
  request.once('close', () => clearTimeout(timer));
  response.once('finish', () => {
    const { trusted, stranger } = UNREAD_BODY_MS;
    setTimeout(() => endIf(() => true), isTrusted(request) ? trusted : stranger).unref();
  });
}
