import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiResponse, ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

interface Result {
  exitCode: number;
  stdout: string;
  stderr: string;
  truncated: boolean;
  timedOut: boolean;
  oomKilled: boolean | null;
  durationMs: number;
}

const MIB = 1024 * 1024;
/** A busy machine takes its time to start a process. */
const TIMEOUT_MS = 60_000;
/** Starts a process in a session of its own that does not care for SIGTERM, and is known by how long it sleeps. */
const deaf = (mark: string): string => `(setsid sh -c 'trap "" TERM; sleep ${mark} & wait; sleep ${mark}' &)`;

describe('exec', () => {
  let server: TestServer;
  let container: Container;

  const exec = (body: object, id = container.id): Promise<ApiResponse<Result>> =>
    server.api.request<Result>('POST', `/api/containers/${id}/exec`, { body });
  const run = async (command: string[], extra: object = {}): Promise<Result> => ok(await exec({ command, ...extra }));
  const shell = (script: string, extra: object = {}): Promise<Result> => run(['sh', '-c', script], extra);
  const running = async (extra: object = {}): Promise<Container> =>
    ok(await server.api.create({ name: uniqueName('exec'), template: 'claude', ...extra }, { prefer: 'wait=60' }));
  const commandLines = async (): Promise<string> =>
    (await server.engine.exec(container.dockerId!, ['ps', '-eo', 'args'])).stdout;
  /** A number of seconds that no other sleep has. */
  let lastMark = 7_000;
  const mark = (): string => String((lastMark += 1));
  /** An exec whose client hangs up when the test says so. */
  const begin = (command: string[]): ReturnType<typeof request> => {
    const headers = { authorization: `Bearer ${server.devforge.token}`, 'content-type': 'application/json' };
    const asking = request(`${server.devforge.url}/api/containers/${container.id}/exec`, { method: 'POST', headers });
    asking.on('error', () => undefined);
    asking.end(JSON.stringify({ command, timeoutSeconds: 600 }));
    return asking;
  };

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    container = await running({ env: { FROM_CREATE: 'yes' } });
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  describe('a command', () => {
    it('returns its exit code, both outputs and its duration', async () => {
      const result = await shell('echo out; echo err >&2; sleep 0.3; exit 7');
      expect(result).toEqual({
        exitCode: 7,
        stdout: 'out\n',
        stderr: 'err\n',
        truncated: false,
        timedOut: false,
        oomKilled: false,
        durationMs: expect.any(Number),
      });
      expect(result.durationMs).toBeGreaterThanOrEqual(300);
    });

    it('is executed without a shell', async () => {
      const words = ['$HOME', '`id`', '*', '; rm -rf /', '', 'a b', '"', "'", '--', '\n', 'grüße 🎉'];
      const { stdout } = await run(['printf', '%s|', ...words]);
      expect(stdout).toBe(`${words.join('|')}|`);
    });

    it("is executed as the workspace's user, in the workspace, with the container's environment and its own", async () => {
      const { stdout } = await shell('id -u; pwd; echo "$FROM_CREATE|$GIVEN|$HOME"', { env: { GIVEN: 'a=b $c' } });
      expect(stdout).toBe('1000\n/workspace\nyes|a=b $c|/home/dev\n');
    });

    it.each([
      ['/tmp', '/tmp'],
      ['.', '/workspace'],
      ['sub/folder', '/workspace/sub/folder'],
      ['sub/..', '/workspace'],
    ])('is run in %s', async (cwd, expected) => {
      await run(['mkdir', '-p', 'sub/folder']);
      expect((await run(['pwd'], { cwd })).stdout).toBe(`${expected}\n`);
    });

    it('reads the given stdin up to its end', async () => {
      expect((await run(['cat'], { stdin: 'grüße\n\u0000end' })).stdout).toBe('grüße\n\u0000end');
      expect((await run(['cat'])).stdout).toBe('');
      const stdin = 'x'.repeat(900_000);
      expect((await run(['cat'], { stdin })).stdout).toBe(stdin);
      // Not reading it is no fault.
      expect(await run(['true'], { stdin })).toMatchObject({ exitCode: 0 });
    });

    it.each([
      [['no-such-program'], 127, /not found/],
      [['/workspace'], 126, /Permission denied/],
      [['/etc/passwd'], 126, /Permission denied/],
    ])('that is %j cannot be run: %i', async (command, exitCode, words) => {
      expect(await run(command)).toMatchObject({ exitCode, stdout: '', stderr: expect.stringMatching(words) });
    });

    it.each([
      ['KILL', 137],
      ['TERM', 143],
      ['PIPE', 141],
    ])('that ends by SIG%s says so', async (signal, exitCode) => {
      expect(await shell(`kill -${signal} $$`)).toMatchObject({ exitCode, timedOut: false });
    });

    it('is answered when it ends, while processes it left in the background continue', async () => {
      const seconds = mark();
      const started = Date.now();
      expect(await shell(`sleep ${seconds} & echo started`)).toMatchObject({ exitCode: 0, stdout: 'started\n' });
      expect(Date.now() - started).toBeLessThan(20_000);
      expect(await commandLines()).toContain(`sleep ${seconds}`);
      await run(['pkill', '-f', `sleep ${seconds}`]);
    });

    it('has the default signal handlers', async () => {
      expect(await shell('yes | head -n 1; grep -E "^Sig(Blk|Ign)" /proc/self/status')).toMatchObject({
        stdout: expect.stringMatching(/^y\nSigBlk:\t0+\nSigIgn:\t0+\n$/),
      });
    });
  });

  describe('outputs', () => {
    it('are truncated at the limit without ending the command', async () => {
      const result = await shell('head -c 50000000 /dev/zero | tr "\\0" x; echo done >&2');
      expect(result).toMatchObject({ exitCode: 0, stderr: 'done\n', truncated: true });
      expect(result.stdout).toBe('x'.repeat(MIB));
      const exact = await shell('printf 12345', { maxOutputBytes: 5 });
      expect(exact).toMatchObject({ stdout: '12345', truncated: false });
      expect(await shell('printf 123456; printf abcdef >&2', { maxOutputBytes: 5 })).toMatchObject({
        stdout: '12345',
        stderr: 'abcde',
        truncated: true,
      });
      expect(await shell('printf 1', { maxOutputBytes: 0 })).toMatchObject({ stdout: '', truncated: true });
    });

    it('are truncated between characters', async () => {
      expect(await shell('printf "%s" "äöü"', { maxOutputBytes: 3 })).toMatchObject({ stdout: 'ä', truncated: true });
    });

    it('replace invalid UTF-8 by U+FFFD, or are returned in base64', async () => {
      const command = ['printf', '\\377\\000a'];
      expect(await run(command)).toMatchObject({ stdout: '\ufffd\u0000a' });
      expect(await run(command, { encoding: 'base64' })).toMatchObject({
        stdout: Buffer.from([0xff, 0, 0x61]).toString('base64'),
        stderr: '',
      });
    });

    it('are complete when both are large', async () => {
      const { stdout, stderr, truncated } = await shell('seq 1 200000; seq 1 200000 >&2', { maxOutputBytes: 2 * MIB });
      const expected = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('');
      expect({ truncated, stdout: stdout === expected, stderr: stderr === expected }).toEqual({
        truncated: false,
        stdout: true,
        stderr: true,
      });
    });
  });

  describe('the end of a command', () => {
    it('by its time-out ends everything it started and returns the output so far', async () => {
      const seconds = mark();
      const result = await shell(
        `echo before; ${deaf(seconds)}; trap '' TERM; sleep ${seconds} & sleep ${seconds}; sleep ${seconds}`,
        { timeoutSeconds: 1 },
      );
      expect(result).toMatchObject({ exitCode: 124, stdout: 'before\n', timedOut: true, truncated: false });
      expect(result.durationMs).toBeLessThan(15_000);
      expect(await commandLines()).not.toContain(seconds);
    });

    it('by the kernel for memory is told from any other kill', async () => {
      const hog = 'python3 -c "x = bytearray(3 << 30)"';
      expect(await shell(`exec ${hog}`)).toMatchObject({ exitCode: 137, oomKilled: true });
      // As of test runners, which report a killed process with an exit code of their own.
      expect(await shell(`${hog} || exit 1`)).toMatchObject({ exitCode: 1, oomKilled: true });
      expect(await shell('kill -9 $$')).toMatchObject({ exitCode: 137, oomKilled: false });
    });

    it('by its time-out gives it time to handle SIGTERM', async () => {
      expect(await shell('trap "echo bye; exit 3" TERM; sleep 60 & wait', { timeoutSeconds: 1 })).toMatchObject({
        exitCode: 124,
        stdout: 'bye\n',
        timedOut: true,
      });
    });

    it('by its time-out ends a fork bomb', async () => {
      const result = await run(['python3', '-c', 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass'], {
        timeoutSeconds: 1,
      });
      expect(result).toMatchObject({ exitCode: 124, timedOut: true });
      expect(await commandLines()).not.toContain('os.fork');
      expect(await run(['true'])).toMatchObject({ exitCode: 0 });
    }, 180_000);

    it('follows the disconnect of the client', async () => {
      const seconds = mark();
      const asking = begin(['sh', '-c', `${deaf(seconds)}; sleep ${seconds}`]);
      await until('the command to run', async () => (await commandLines()).includes(`sleep ${seconds}`), TIMEOUT_MS);
      asking.destroy();
      await until('the command to be gone', async () => !(await commandLines()).includes(seconds), TIMEOUT_MS);
      await until('its helper to be gone', async () => !(await commandLines()).includes('devforge-exec'), TIMEOUT_MS);
    }, 180_000);

    it('follows a SIGKILL of DevForge', async () => {
      const seconds = mark();
      begin(['sh', '-c', `${deaf(seconds)}; sleep ${seconds}`]);
      await until('the command to run', async () => (await commandLines()).includes(`sleep ${seconds}`), TIMEOUT_MS);
      await server.devforge.kill();
      await until('the command to be gone', async () => !(await commandLines()).includes(seconds), TIMEOUT_MS);
      await server.devforge.restart();
    }, 180_000);

    it('follows a SIGKILL of its supervisor', async () => {
      const seconds = mark();
      const response = await exec({
        command: ['python3', '-c', `import os, time; os.kill(os.getppid(), 9); time.sleep(${seconds})`],
      });
      expect(problem(response)).toMatchObject({ status: 502, code: 'workspace_tool_failed' });
      await until('the command to be gone', async () => !(await commandLines()).includes(seconds), TIMEOUT_MS);
    });

    it('follows the stop of the container, which is reported', async () => {
      const other = await running();
      const asked = exec({ command: ['sleep', '600'], timeoutSeconds: 600 }, other.id);
      await until(
        'the command to run',
        async () => (await server.engine.exec(other.dockerId!, ['ps', '-eo', 'args'])).stdout.includes('sleep 600'),
        TIMEOUT_MS,
      );
      ok(await server.api.stop(other.id));
      expect(problem(await asked)).toMatchObject({ status: 409, code: 'invalid_state' });
      expect(problem(await exec({ command: ['true'] }, other.id))).toMatchObject({
        status: 409,
        code: 'invalid_state',
        currentStatus: 'stopped',
      });
      ok(await server.api.remove(other.id));
    }, 180_000);

    it('is reported to waiting clients when DevForge stops', async () => {
      const asked = exec({ command: ['sleep', '600'], timeoutSeconds: 600 });
      await until('the command to run', async () => (await commandLines()).includes('sleep 600'), TIMEOUT_MS);
      const stopped = server.devforge.stop();
      expect(problem(await asked)).toMatchObject({ status: 503, code: 'shutting_down' });
      await stopped;
      await until('the command to be gone', async () => !(await commandLines()).includes('sleep 600'), TIMEOUT_MS);
      await server.devforge.restart();
    }, 180_000);
  });

  describe('a refusal', () => {
    it.each([
      [
        'command',
        [undefined, null, [], [''].concat(Array(1_000).fill('x')), 'ls', [1], [['ls']], ['a\u0000b'], ['\ud800']],
      ],
      ['cwd', [null, '', 1, '/tmp\u0000', 'no/such/folder', '/etc/passwd', 'x'.repeat(5_000)]],
      [
        'env',
        [null, [], { 'A B': 'x' }, { PATH: '/evil' }, { LD_PRELOAD: 'x' }, { GIT_SSH: 'x' }, { A: 'x\ny' }, { A: 1 }],
      ],
      ['stdin', [null, 1, ['x']]],
      ['timeoutSeconds', [null, 0, -1, 3_601, 1.5, '10']],
      ['maxOutputBytes', [null, -1, 9 * MIB, 1.5]],
      ['encoding', [null, 'latin1', '']],
      ['shell', [true]],
      ['__proto__', [1]],
    ])(
      'a bad %s',
      async (field, values) => {
        for (const value of values) {
          const body = JSON.stringify({ command: ['true'] }).replace(
            /}$/,
            `,${JSON.stringify(field)}:${JSON.stringify(value) ?? null}}`,
          );
          const response = await server.api.request('POST', `/api/containers/${container.id}/exec`, {
            body,
            headers: { 'content-type': 'application/json' },
          });
          expect({ field, value, status: response.status }).toEqual({ field, value, status: 400 });
          expect(problem(response).errors?.map((error) => error.field)).toContain(field);
        }
      },
      180_000,
    );

    it('is the answer to an argument that no program can receive', async () => {
      expect(problem(await exec({ command: ['echo', 'x'.repeat(200_000)] }))).toMatchObject({
        status: 400,
        errors: [{ field: 'command' }],
      });
    });

    it('is the answer to more than 1 MB', async () => {
      expect(problem(await exec({ command: ['cat'], stdin: 'x'.repeat(1_200_000) }))).toMatchObject({
        status: 413,
        code: 'payload_too_large',
      });
    });

    it('is the answer for an unknown container', async () => {
      expect(problem(await exec({ command: ['true'] }, uniqueName()))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
    });

    it('is the answer to the seventeenth concurrent command', async () => {
      await server.engine.exec(container.dockerId!, ['sh', '-c', 'rm -f /tmp/go /tmp/place-*']);
      const others = Array.from({ length: 16 }, () =>
        shell('touch /tmp/place-$$; until [ -e /tmp/go ]; do sleep 0.2; done; rm /tmp/place-$$'),
      );
      await until(
        'all places are taken',
        async () =>
          (await server.engine.exec(container.dockerId!, ['sh', '-c', 'ls /tmp/place-* | wc -l'])).stdout.trim() ===
          '16',
        TIMEOUT_MS,
      );
      const places = await exec({ command: ['true'] });
      expect(places.status).toBe(429);
      expect(problem(places)).toMatchObject({ code: 'too_many_requests' });
      expect(places.headers.get('retry-after')).toBe('1');
      await server.engine.exec(container.dockerId!, ['touch', '/tmp/go']);
      expect((await Promise.all(others)).map(({ exitCode }) => exitCode)).toEqual(Array(16).fill(0));
      expect(await run(['true'])).toMatchObject({ exitCode: 0 });
    }, 180_000);

    it('is the answer for a container that was created before there was exec', async () => {
      const program = '/usr/local/bin/devforge-exec';
      await server.engine.exec(container.dockerId!, ['mv', program, `${program}.away`], { user: '0' });
      expect(problem(await exec({ command: ['true'] }))).toMatchObject({ status: 409, code: 'image_outdated' });
      await server.engine.exec(container.dockerId!, ['mv', `${program}.away`, program], { user: '0' });
    });

    it('is the answer for a paused container', async () => {
      // The engine cannot always freeze a container of a busy machine at once.
      await until(
        'it is paused',
        () =>
          server.engine.docker
            .getContainer(container.dockerId!)
            .pause()
            .then(() => true),
        TIMEOUT_MS,
      );
      expect(problem(await exec({ command: ['true'] }))).toMatchObject({ status: 409, code: 'invalid_state' });
      await server.engine.docker.getContainer(container.dockerId!).unpause();
      await until('an exec', async () => (await exec({ command: ['true'] })).status === 200);
    });
  });
});
