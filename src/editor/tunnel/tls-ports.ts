import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { errors } from 'undici';
import { InvalidResponseError } from './invalid-response-error.js';
import { ConnectionRefusedError } from './tunnel-target.js';

const HANDSHAKE_TIMEOUT_MS = 3_000;
const MAX_KNOWN = 1_000;
/** The type of a record. */
const TLS_ALERT = '\x15';

/** A member that undici's types leave out: what was not understood. */
type ParserError = errors.HTTPParserError & { data?: string };

/**
 * TLS to the port of a workspace. Its certificate says nothing: it is usually self-signed, and the connection does not leave the
 * container's loopback interface other than through the tunnel.
 */
export function startTls(socket: Duplex): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const secure = connect({ socket, rejectUnauthorized: false, servername: 'localhost', ALPNProtocols: ['http/1.1'] });
    const timeout = setTimeout(() => secure.destroy(new Error('no answer to a TLS handshake')), HANDSHAKE_TIMEOUT_MS);
    secure.once('secureConnect', () => {
      clearTimeout(timeout);
      secure.off('error', fail);
      resolve(secure);
    });
    const fail = (error: Error): void => {
      clearTimeout(timeout);
      secure.on('error', () => undefined).destroy();
      socket.destroy();
      reject(error);
    };
    secure.once('error', fail);
    secure.once('close', () => fail(new Error('the connection was closed during the TLS handshake')));
  });
}

/**
 * Whether a request without TLS may have failed because the port expects TLS: such a program closes the connection, or sends
 * an alert. One that answers anything else would keep a handshake waiting.
 */
export function mayExpectTls(error: unknown): boolean {
  if (error instanceof InvalidResponseError) return error.mayBeTls;
  if (error instanceof errors.HTTPParserError) return (error as ParserError).data?.startsWith(TLS_ALERT) === true;
  return !(error instanceof ConnectionRefusedError || error instanceof errors.HeadersOverflowError);
}

/** Remembers which ports of which workspaces speak TLS. */
export class TlsPorts {
  private readonly known = new Set<string>();

  has(runtimeId: string, port: number): boolean {
    return this.known.has(`${runtimeId} ${port}`);
  }

  /** @param dial connects to the port @returns whether it speaks TLS, which is remembered */
  async probe(runtimeId: string, port: number, dial: () => Promise<Duplex>): Promise<boolean> {
    try {
      (await startTls(await dial())).destroy();
    } catch {
      return false;
    }
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.add(`${runtimeId} ${port}`);
    return true;
  }

  /** The program may have been replaced by one without TLS. */
  forget(runtimeId: string, port: number): void {
    this.known.delete(`${runtimeId} ${port}`);
  }
}
