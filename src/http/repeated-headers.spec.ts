import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { listening } from '../../test/support/api/listening.js';
import { refuseRepeatedHeaders } from './repeated-headers.js';

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket'];

describe('refuseRepeatedHeaders', () => {
  const server = createServer((_, response) => response.end('answered'));
  let port: number;

  beforeAll(async () => {
    server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nupgraded'));
    refuseRepeatedHeaders(server);
    port = await listening(server);
  });
  afterAll(() => void server.close());

  const answer = async (headers: string[]): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.write(['GET / HTTP/1.1', ...headers, '', ''].join('\r\n'));
    return text(socket);
  };

  it.each<[string, string[]]>([
    ['Host', ['Host: a', 'Host: b']],
    ['Host', ['Host: a', 'HOST: a']],
    ['Host', ['Host: a', 'host: b', ...UPGRADE]],
    ['Authorization', ['Host: a', 'Authorization: Bearer a', 'authorization: Bearer b']],
    ['Origin', ['Host: a', 'Origin: http://a', 'Origin: null', ...UPGRADE]],
  ])('refuses two of %s: %j', async (header, headers) => {
    const received = await answer(headers);
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4))).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: header, messages: ['must be sent once'] }],
    });
  });

  it.each<[string, string[]]>([
    ['answered', ['Host: a', 'Connection: close', 'Accept: a', 'Accept: b', 'Cookie: a=1', 'Cookie: b=2']],
    ['upgraded', ['Host: a', ...UPGRADE]],
  ])('leaves others to the server, which has %s: %j', async (expected, headers) => {
    expect(await answer(headers)).toContain(expected);
  });
});
