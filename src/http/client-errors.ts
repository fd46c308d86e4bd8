import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { DomainError } from '../common/errors/domain-error.js';

const STATUS_OF_CODE: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** How long the reader of the body has to answer before the connection ends with a bare 400. */
const ANSWER_MS = 1_000;

const faults = new WeakMap<IncomingMessage, DomainError>();

/** Why the body of a request cannot be read any further, or undefined. */
export function bodyFault(request: IncomingMessage): DomainError | undefined {
  return faults.get(request);
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/**
 * Hands an error in the framing of a body to the reader of the body, which answers like every other failure. An error in a
 * request that has not begun is answered as Node.js does.
 */
export function answerClientErrors(server: Server): void {
  const exchanges = new WeakMap<Duplex, Exchange>();
  server.prependListener('request', (request, response) => exchanges.set(request.socket, { request, response }));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const exchange = exchanges.get(socket);
    const isOpen = exchange !== undefined && !exchange.response.writableFinished;
    if (isOpen && !exchange.response.headersSent && socket.writable) {
      reportBody(exchange, error);
      setTimeout(() => exchange.response.headersSent || refuse(socket, error), ANSWER_MS).unref();
    } else if (isOpen) socket.destroy();
    else refuse(socket, error);
  });
}

function reportBody({ request, response }: Exchange, error: Error): void {
  response.shouldKeepAlive = false;
  const fault = new DomainError('malformed_body', 'The body is not sent as HTTP requires.', { cause: error });
  faults.set(request, fault);
  // Nobody listens while the client is still being authenticated.
  if (request.listenerCount('error') > 0) request.emit('error', fault);
}

/** As Node.js does by itself. */
function refuse(socket: Duplex, { code = '' }: NodeJS.ErrnoException): void {
  if (!socket.writable) return void socket.destroy();
  const status = STATUS_OF_CODE[code] ?? 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
