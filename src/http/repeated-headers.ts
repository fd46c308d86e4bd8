import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { DomainError } from '../common/errors/domain-error.js';
import { intercept } from './intercept.js';
import { toProblem } from './problem.js';

/** Headers that say where a request goes and who sends it. Node.js takes the first of several, a proxy may take the last. */
const SENT_ONCE: ReadonlyMap<string, string> = new Map(
  ['Host', 'Authorization', 'Origin'].map((name) => [name.toLowerCase(), name]),
);

/**
 * Refuses requests and upgrades that send one of these headers more than once with 400, those to sites as well. Must be
 * called after everything else has added its listeners to the server.
 */
export function refuseRepeatedHeaders(server: Server): void {
  for (const event of ['request', 'upgrade'] as const)
    intercept(server, event, (request, target) => {
      const repeated = repeatedHeader(request);
      if (repeated !== undefined) refuse(target as ServerResponse | Duplex, repeated);
      return repeated !== undefined;
    });
}

function repeatedHeader({ rawHeaders }: IncomingMessage): string | undefined {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    if (!SENT_ONCE.has(name)) continue;
    if (seen.has(name)) return SENT_ONCE.get(name);
    seen.add(name);
  }
  return undefined;
}

function refuse(target: ServerResponse | Duplex, header: string): void {
  const fields = [{ field: header, messages: ['must be sent once'] }];
  const problem = toProblem(
    new DomainError('validation_failed', `The header ${header} was sent more than once.`, { fields }),
    randomUUID(),
  );
  const body = JSON.stringify(problem);
  const headers = {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  };
  if (target instanceof ServerResponse) return void target.writeHead(problem.status, headers).end(body);
  target.on('error', () => target.destroy());
  const lines = Object.entries(headers).map((pair) => pair.join(': '));
  target.end([`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`, ...lines, '', body].join('\r\n'));
}
