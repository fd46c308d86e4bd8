import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { hostOnlyCookie } from './set-cookie.js';

/** Headers of one connection or of the framing of its messages, which are never forwarded. */
const HOP_BY_HOP_HEADERS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
]);
const FORWARDED_HEADERS = new Set(['x-forwarded-for', 'x-forwarded-port', 'x-forwarded-proto', 'x-forwarded-host']);
/** What `Connection` may contain without naming a header that is removed; the last two are needed at every hop. */
const CONNECTION_OPTIONS = new Set(['', 'close', 'keep-alive', 'upgrade', 'host', 'content-length']);
const NONE: ReadonlySet<string> = new Set();

/** The headers of a request for a site, with those that every proxy adds. */
export function requestHeaders({ headers, socket }: IncomingMessage): string[] {
  const named = headersNamedBy(headers.connection);
  const forwarded: string[] = [];
  for (const name in headers) {
    if (HOP_BY_HOP_HEADERS.has(name) || FORWARDED_HEADERS.has(name) || named.has(name)) continue;
    forwarded.push(name, String(headers[name]));
  }
  const [, port = '80'] = /:(\d+)$/.exec(headers.host ?? '') ?? [];
  const previous = (name: string): string => (headers[name] === undefined ? '' : `${String(headers[name])},`);
  forwarded.push(
    'x-forwarded-for',
    previous('x-forwarded-for') + (socket.remoteAddress ?? ''),
    'x-forwarded-port',
    previous('x-forwarded-port') + port,
    'x-forwarded-proto',
    `${previous('x-forwarded-proto')}http`,
    'x-forwarded-host',
    String(headers['x-forwarded-host'] ?? headers.host ?? ''),
  );
  return forwarded;
}

/** The headers of a site's response, unchanged except for its cookies. */
export function responseHeaders(raw: readonly (Buffer | string)[]): string[] {
  const forwarded: string[] = [];
  let named = NONE;
  for (let at = 0; at < raw.length; at += 2) {
    const name = latin1(raw[at]!);
    const lower = name.toLowerCase();
    const value = latin1(raw[at + 1]!);
    if (lower === 'connection') named = headersNamedBy(value, named);
    if (HOP_BY_HOP_HEADERS.has(lower)) continue;
    const kept = lower === 'set-cookie' ? hostOnlyCookie(value) : value;
    if (kept !== null) forwarded.push(name, kept);
  }
  return named.size === 0
    ? forwarded
    : forwarded.filter((_, at) => !named.has(forwarded[at - (at % 2)]!.toLowerCase()));
}

function latin1(text: Buffer | string): string {
  return typeof text === 'string' ? text : text.toString('latin1');
}

/** Changes the headers of the response to an upgrade, whether it was accepted or not, as {@link responseHeaders} does. */
export function restrictCookies(headers: IncomingHttpHeaders): void {
  const cookies = headers['set-cookie']?.map(hostOnlyCookie).filter((cookie) => cookie !== null);
  if (cookies === undefined) return;
  if (cookies.length === 0) delete headers['set-cookie'];
  else headers['set-cookie'] = cookies;
}

/** Removes from the headers of an upgrade what concerns the connection of the browser alone. */
export function removeConnectionHeaders(headers: IncomingHttpHeaders): void {
  for (const name of headersNamedBy(headers.connection)) delete headers[name];
  for (const name of HOP_BY_HOP_HEADERS) if (name !== 'connection' && name !== 'upgrade') delete headers[name];
  headers.connection = 'Upgrade';
  headers.upgrade = 'websocket';
}

/** @returns the lower-case names in a `Connection` header, and those of an earlier one */
function headersNamedBy(connection: string | undefined, earlier = NONE): ReadonlySet<string> {
  if (connection === undefined || CONNECTION_OPTIONS.has(connection.toLowerCase())) return earlier;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return new Set([...earlier, ...names.filter((name) => !CONNECTION_OPTIONS.has(name))]);
}
