import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { mergingAgent } from './merging-agent.js';

let folder: string;
let server: Server;
let respond: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'devforge-agent-'));
  server = createServer((request, response) => respond(request, response));
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function ask(socketPath = join(folder, 'socket')): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: '/logs', agent: mergingAgent('http') }, resolve).on('error', reject);
  });
}

describe('mergingAgent', () => {
  it('delivers a chunked response whole, as it is written', async () => {
    const go = Promise.withResolvers<void>();
    respond = (request, response) => {
      expect(request.url).toBe('/logs');
      response.write('first ');
      void go.promise.then(() => {
        for (let at = 0; at < 20_000; at++) response.write(`line ${at}\n`);
        response.end();
      });
    };
    const answer = await ask();
    expect(answer.statusCode).toBe(200);
    const [first] = (await answer.take(1).toArray()) as Buffer[];
    expect(first!.toString()).toBe('first ');
    const second = ask();
    go.resolve();
    await expect(second.then(text)).resolves.toBe(
      `first ${Array.from({ length: 20_000 }, (_, at) => `line ${at}\n`).join('')}`,
    );
  });

  it('delivers a response with a length, whatever its status', async () => {
    respond = (_, response) => void response.writeHead(404, { 'Content-Length': 4 }).end('gone');
    const answer = await ask();
    expect(answer.statusCode).toBe(404);
    await expect(text(answer)).resolves.toBe('gone');
  });

  it('fails when the response breaks off, in a chunk or between two', async () => {
    respond = (_, response) => {
      response.write('part');
      setTimeout(() => response.destroy(), 20);
    };
    await expect(ask().then(text)).rejects.toThrow('aborted');
  });

  it.each(['http', 'https'] as const)(
    'is formatted for debugging without inspecting its open connections (%s)',
    (protocol) => {
      expect(inspect({ agent: mergingAgent(protocol) }, { showHidden: true, depth: null })).toBe(
        '{ agent: MergingAgent }',
      );
    },
  );

  it('fails with the error of a refused connection', async () => {
    await expect(ask(join(folder, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('reads no faster than its reader, and closes the connection when destroyed', async () => {
    let written = 0;
    let closed = false;
    respond = (_, response) => {
      const block = 'x'.repeat(64 * 1024);
      const more = (): void => {
        while (response.write(block)) written += 1;
        response.once('drain', more);
      };
      response.on('close', () => (closed = true));
      more();
    };
    const answer = await ask();
    await sleep(200);
    expect(written).toBeLessThan(100);
    answer.destroy();
    await sleep(50);
    expect(closed).toBe(true);
  });
});
