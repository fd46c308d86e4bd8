import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { SocketClient } from '../support/sockets/socket-client.js';
import { TerminalClient } from '../support/terminals/terminal-client.js';

interface Line {
  timestamp: string;
  stream: string;
  message: string;
  source?: string;
}

const ENTRY = 16 * 1024;
/** A line of almost one MiB, of characters with two, three and four bytes. */
const WIDE = 'é€🚀'.repeat(Math.floor((1024 * 1024) / 9));
const LINES = [
  `${WIDE}`,
  `a${WIDE.slice(0, 400_000)}`,
  'short',
  '€🚀'.repeat(20_000),
  '🚀€'.repeat(20_000),
  'one',
  'two',
  'x'.repeat(ENTRY),
  'y'.repeat(3 * ENTRY),
  '€'.repeat(ENTRY),
  '',
  'end',
];

describe('logs', () => {
  let server: TestServer;
  let container: Container;
  const clients: SocketClient[] = [];

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    const response = await server.api.create(
      { name: uniqueName('logs'), template: 'claude', cpuLimit: 1, memoryLimit: 512 },
      { prefer: 'wait=60' },
    );
    expect(response.status).toBe(201);
    container = response.body;
  }, IMAGE_BUILD_MS);
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => server?.dispose(), 60_000);

  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    clients.push(client);
    return client;
  };
  const subscribed = async (tail: number): Promise<SocketClient> => {
    const client = await connect();
    await expect(client.ask('subscribe:logs', { containerId: container.id, tail })).resolves.toEqual({ ok: true });
    await until('logs:initial', () => client.all('logs:initial')[0]);
    return client;
  };
  const path = (): string => `/api/containers/${container.id}/logs`;
  const read = async (query: Record<string, string | number>): Promise<Line[]> =>
    ok(await server.api.request<{ lines: Line[] }>('GET', path(), { query })).lines;
  const updates = (client: SocketClient): string[] =>
    client.all('logs:update').flatMap(({ lines }) => lines.map(({ message }) => message));
  /** Runs a program in the container that can write to the main process's output with `print(text, ending)`. */
  const write = async (program: string, fd = 1): Promise<void> => {
    const script = `const print = (text, ending = "\\n") => require("node:fs").writeSync(1, text + ending); ${program}`;
    await expect(
      server.engine.exec(container.dockerId!, ['sh', '-c', `exec node -e '${script}' > /proc/1/fd/${fd}`]),
    ).resolves.toMatchObject({ exitCode: 0, stderr: '' });
  };
  const writeAll = (ending: string): Promise<void> =>
    write(`
      const write = (text) => { let bytes = Buffer.from(text); while (bytes.length > 0) bytes = bytes.subarray(require("node:fs").writeSync(1, bytes)); };
      const wide = "é€🚀".repeat(${Math.floor((1024 * 1024) / 9)}), entry = ${ENTRY};
      const lines = [wide, "a" + wide.slice(0, 400000), "short", "€🚀".repeat(20000), "🚀€".repeat(20000), "one", "two", "x".repeat(entry), "y".repeat(3 * entry), "€".repeat(entry), "", "end"];
      for (const line of lines) write(line + ${JSON.stringify(ending)});
    `);
  /** Compares lengths and equality only: a diff of megabytes would be unreadable. */
  const expectAll = (messages: string[]): void =>
    expect(messages.map((message, at) => [message.length, message === LINES[at]])).toEqual(
      LINES.map((line) => [line.length, true]),
    );

  describe.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('with long lines that end with %s', (_, ending) => {
    it('arrive unchanged over sockets, REST and NDJSON, live and from history', async () => {
      const live = await subscribed(0);
      const disconnect = new AbortController();
      const stream = await fetch(`${server.devforge.url}${path()}?follow=true&tail=0`, {
        headers: { authorization: `Bearer ${server.devforge.token}` },
        signal: disconnect.signal,
      });
      await writeAll(ending);
      await until('the lines', () => updates(live).length >= LINES.length);
      expectAll(updates(live));

      expectAll((await read({ tail: LINES.length })).map(({ message }) => message));
      expectAll((await subscribed(LINES.length)).all('logs:initial')[0]!.lines.map(({ message }) => message));

      const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (text.split('\n').length <= LINES.length) text += (await reader.read()).value ?? '';
      disconnect.abort();
      expectAll(
        text
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as Line).message),
      );
    }, 60_000);
  });

  it('tell what happens in the container, each line with its source', async () => {
    expect((await read({ source: 'workspace' })).map(({ message }) => message)).toEqual(['[workspace] started']);

    const terminal = await TerminalClient.open(await connect(), container.id, { cols: 90, rows: 20 });
    await terminal.type('exit 3\r');
    await until('the exit', () => terminal.exit);
    const short = terminal.id.slice(0, 8);
    await until('the lines of the terminal', async () => (await read({ source: 'terminal' })).length === 2);
    expect((await read({ source: 'terminal' })).map(({ message }) => message)).toEqual([
      `[terminal] ${short} opened, 90 by 20`,
      `[terminal] ${short} closed with exit code 3`,
    ]);

    const exec = (command: string[], more = {}) =>
      server.api.request('POST', `/api/containers/${container.id}/exec`, { body: { command, ...more } });
    const live = await connect();
    await live.ask('subscribe:logs', { containerId: container.id, tail: 0, source: 'exec' });
    for (const command of [['true'], ['sh', '-c', 'exit 7 # secret'], ['no-such-program', 'secret']])
      ok(await exec(command));
    expect((await exec(['ls'], { cwd: 'no/such' })).status).toBe(400);
    ok(await exec(['sleep', '9'], { timeoutSeconds: 1 }));
    const expected = [
      expect.stringMatching(/^\[exec] sh ended with exit code 7 after \d+\.\d s$/),
      '[exec] no-such-program could not be started: No such file or directory',
      '[exec] ls could not be started in /workspace/no/such: No such file or directory',
      expect.stringMatching(/^\[exec] sleep reached its time limit after \d+\.\d s$/),
    ];
    await until('the failures', () => updates(live).length === expected.length);
    expect(updates(live)).toEqual(expected);
    const failures = await read({ source: 'exec', stream: 'stderr' });
    expect(failures.map(({ message }) => message)).toEqual(expected);
    expect(failures.every(({ source }) => source === 'exec')).toBe(true);
    await expect(read({ source: 'exec', stream: 'stdout' })).resolves.toEqual([]);
  });

  it('take lines of any program, as data', async () => {
    await server.engine.exec(container.dockerId!, ['devforge-log', 'my-app', 'Listening\n\x1b[31m on 3000'], {
      user: '1000',
    });
    await server.engine.exec(container.dockerId!, ['devforge-log', '-e', 'my-app', 'x'.repeat(5_000)], {
      user: '1000',
    });
    await until('the lines', async () => (await read({ source: 'my-app' })).length === 2);
    const [first, second] = await read({ source: 'my-app' });
    expect(first).toMatchObject({ stream: 'stdout', message: '[my-app] Listening  [31m on 3000', source: 'my-app' });
    expect(second).toMatchObject({ stream: 'stderr', source: 'my-app' });
    expect(second!.message).toHaveLength(1_000);
  });

  it('have a tail that counts lines, however long they are', async () => {
    await write(`print("1".repeat(100000)); print("2".repeat(100000)); print("3")`);
    await until('the lines', async () => (await read({ tail: 1 }))[0]?.message === '3');
    for (const tail of [1, 2, 3]) {
      const wanted = ['1', '2', '3'].slice(-tail);
      expect((await read({ tail })).map(({ message }) => message[0])).toEqual(wanted);
      expect((await subscribed(tail)).all('logs:initial')[0]!.lines.map(({ message }) => message[0])).toEqual(wanted);
    }
    expect((await read({ tail: 3 })).map(({ message }) => message.length)).toEqual([100_000, 100_000, 1]);
  });

  it('can be limited to a time range with nanosecond precision', async () => {
    await write(`for (const at of [1, 2, 3, 4]) print("instant " + at)`);
    await until('the lines', async () => (await read({ tail: 1 }))[0]?.message === 'instant 4');
    const [, two, three] = await read({ tail: 4 });
    const between = await read({ since: two!.timestamp, until: three!.timestamp });
    expect(between.map(({ message }) => message)).toEqual(['instant 2', 'instant 3']);
    expect(
      (await read({ since: two!.timestamp, until: three!.timestamp, tail: 1 })).map(({ message }) => message),
    ).toEqual(['instant 3']);
  });

  it('of one stream are found even if the other has written a lot since', async () => {
    await write('print("the only one")', 2);
    await until('the line', async () => (await read({ tail: 1, stream: 'stderr' })).length > 0);
    await write('for (let at = 0; at < 3000; at++) print(String(at))');
    await until('the lines', async () => (await read({ tail: 1, stream: 'stdout' }))[0]?.message === '2999');
    expect((await read({ tail: 1, stream: 'stderr' })).map(({ message }) => message)).toEqual(['the only one']);
  });

  describe('with an invalid request', () => {
    it.each([
      ['an unknown container', { containerId: 'nobody' }, 'container_not_found'],
      ['an impossible container name', { containerId: '../../etc' }, 'container_not_found'],
      ['no container', {}, 'validation_failed'],
      ['a number for a container', { containerId: 5 }, 'validation_failed'],
      ['an array of containers', { containerId: ['x'] }, 'validation_failed'],
      ['an object for a container', { containerId: { $ne: null } }, 'validation_failed'],
      ['a name that is too long', { containerId: 'x'.repeat(129) }, 'validation_failed'],
      ['a negative tail', { containerId: 'x', tail: -1 }, 'validation_failed'],
      ['a tail that is too large', { containerId: 'x', tail: 10_001 }, 'validation_failed'],
      ['a fraction', { containerId: 'x', tail: 1.5 }, 'validation_failed'],
      ['a string for a tail', { containerId: 'x', tail: '5' }, 'validation_failed'],
      ['null for a tail', { containerId: 'x', tail: null }, 'validation_failed'],
      ['an infinite number', { containerId: 'x', tail: Number.POSITIVE_INFINITY }, 'validation_failed'],
      ['an unknown stream', { containerId: 'x', stream: 'both' }, 'validation_failed'],
      ['an unknown property', { containerId: 'x', follow: true }, 'validation_failed'],
      ['a prototype', JSON.parse('{"containerId":"x","__proto__":{"tail":5}}'), 'validation_failed'],
      ['a constructor', JSON.parse('{"containerId":"x","constructor":{"prototype":{}}}'), 'validation_failed'],
      ['an array', [], 'validation_failed'],
      ['a string', 'all', 'validation_failed'],
      ['bytes', Buffer.from('x'), 'validation_failed'],
    ])('are rejected over a socket for %s', async (_, payload, code) => {
      const client = await connect();
      for (const event of ['subscribe:logs', ...(code === 'container_not_found' ? ['unsubscribe:logs'] : [])]) {
        await expect(client.ask(event, payload)).resolves.toMatchObject({
          ok: false,
          error: { code, message: expect.any(String) },
        });
      }
      await expect(client.ask('subscribe:logs', { containerId: container.id, tail: 0 })).resolves.toEqual({ ok: true });
    });

    it.each([
      { tail: '-1' },
      { tail: '10001' },
      { tail: 'all' },
      { stream: 'both' },
      { since: 'yesterday' },
      { since: '2016-12-31T23:59:60Z' },
      { until: '9999-12-31T23:59:59-23:59' },
      { until: '1893456000' },
      { follow: 'yes' },
      { timestamps: 'no' },
      { lines: '5' },
    ])('are rejected over REST for %j', async (query) => {
      expect(problem(await server.api.request('GET', path(), { query }))).toMatchObject({
        status: 400,
        code: 'validation_failed',
      });
    });

    it.each([
      { since: '0000-01-01T00:00:00Z' },
      { until: '0000-01-01T00:00:00Z' },
      { since: '9999-12-31T23:59:59Z' },
      { tail: '0' },
    ])('are returned over REST for %j', async (query) => {
      ok(await server.api.request('GET', path(), { query }));
    });

    it('are rate limited at ten thousand requests at once, and the next client is served', async () => {
      const client = await connect();
      const answers = await Promise.all(
        Array.from({ length: 10_000 }, () =>
          client.ask('subscribe:logs', { containerId: container.id, tail: 0 }).catch(() => undefined),
        ),
      );
      const codes = new Set(answers.map((answer) => (answer?.ok ? 'ok' : (answer?.error?.code ?? 'no answer'))));
      expect(codes).toContain('ok');
      expect(codes).toContain('too_many_requests');
      expect([...codes].filter((code) => !['ok', 'too_many_requests', 'no answer'].includes(code))).toEqual([]);
      const next = await subscribed(0);
      await write('print("after all")');
      await until('the line', () => updates(next).at(-1) === 'after all');
      expect(ok(await server.api.get(container.id)).status).toBe('running');
    }, 60_000);
  });
});
