import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds after which a connection is reset: before the request is read, while it is handled, while it is answered. */
const DELAYS_MS = [0, 1, 2, 5, 20, 25, 100];

export interface BrokenRequest {
  method?: string;
  /** As it is sent. */
  target: string;
  headers: Record<string, string>;
  body?: string;
}

/** Sends the request over several connections and resets each after another delay. */
export async function disconnectEarly(
  url: string,
  { method = 'GET', target, headers, body = '' }: BrokenRequest,
): Promise<void> {
  const head = [
    `${method} ${target} HTTP/1.1`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ].join('\r\n');
  await Promise.all(
    DELAYS_MS.map(async (ms) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => undefined).resume();
      socket.write(`${head}\r\n\r\n${body}`);
      await delay(ms);
      socket.resetAndDestroy();
    }),
  );
}
