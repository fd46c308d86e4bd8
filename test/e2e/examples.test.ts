/** The clients in examples/, run as their readers run them, against a real server with real containers and a scripted model. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import type { GitServers } from '../support/git/git-servers.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { call, failure, say } from '../support/messages-api/replies.js';

jest.setTimeout(180_000);

const example = (name: string): string => resolve('examples', name);

interface Run {
  readonly child: ReturnType<typeof spawn>;
  /** Both outputs so far. */
  output(): string;
  readonly exitCode: Promise<number | null>;
}

describe('examples', () => {
  let server: TestServer;
  let models: MessagesApi;
  let git: GitServers;
  let folder: string;
  const model = () => models.model('examples');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-examples-'));
    models = await startMessagesApi();
    server = await startTestServer({ ...model().env, EGRESS_PRIVATE_HOSTS: (await dockerBridgeAddress())! });
    git = await gitFixture(server);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterEach(() => model().clearScript());
  afterAll(async () => {
    // Containers that an example left behind because it failed.
    const left = await server?.api.list().catch(() => undefined);
    for (const { id } of left?.body.items ?? []) server.api.accepted.add(id);
    await server?.dispose();
    await git?.close();
    await models?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const run = (program: string, args: string[], env: Record<string, string> = {}): Run => {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(program, args, {
      env: { PATH, HOME, DEVFORGE_URL: server.devforge.url, DEVFORGE_TOKEN: server.devforge.token, ...env },
      cwd: folder,
      stdio: 'pipe',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const exitCode = new Promise<number | null>((done, reject) => {
      child.once('error', reject);
      child.once('close', (code) => done(code));
    });
    return { child, output: () => output, exitCode };
  };
  const ended = async (started: Run): Promise<{ exitCode: number | null; output: string }> => ({
    exitCode: await started.exitCode,
    output: started.output(),
  });
  const container = async (): Promise<Container> =>
    ok(
      await server.api.create(
        { name: uniqueName('example'), template: 'claude', cpuLimit: 1, memoryLimit: 512 },
        { prefer: 'wait=60' },
      ),
    );
  const isGone = async (name: string): Promise<boolean> => (await server.api.get(name)).status === 404;
  const writeFile = (name: string, content: string) =>
    call('Write', { file_path: `/workspace/${name}`, content: `${content}\n` });

  it('curl/tour.sh creates a container, runs a command and an instruction in it, and deletes it', async () => {
    const name = uniqueName('tour');
    model().replyNext(writeFile('hello.txt', 'Hello, reader.'), say('Written.'));
    const { exitCode, output } = await ended(run(example('curl/tour.sh'), [], { NAME: name }));
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.any(String) });
    for (const part of [
      `${name} is running.`,
      'dev\n',
      'exit code 0',
      '"status": "succeeded"',
      '"result": "Written."',
      '+Hello, reader.',
      `Deleted ${name}.`,
    ]) {
      expect(output).toContain(part);
    }
    await expect(isGone(name)).resolves.toBe(true);
  });

  it('curl/tour.sh shows the problem document when the server refuses', async () => {
    const { exitCode, output } = await ended(run(example('curl/tour.sh'), [], { NAME: 'Not_A_Name' }));
    expect(exitCode).not.toBe(0);
    expect(output).toContain('"code":"validation_failed"');
  });

  it('socketio/watch.mjs prints status, logs and metrics until the container is deleted', async () => {
    const { id, dockerId } = await container();
    const watch = run(process.execPath, [example('socketio/watch.mjs'), id]);
    await until('the subscriptions', () => watch.output().includes(`watching ${id}`));
    await server.engine.exec(dockerId!, ['sh', '-c', 'echo a line of the log > /proc/1/fd/1']);
    await until('a line of the log', () => watch.output().includes('stdout   a line of the log'));
    await until('metrics', () => /metrics {2}cpu [\d.]+ %, memory [\d.]+ of 512 MB/.test(watch.output()));
    ok(await server.api.stop(id));
    await until('the stop', () => watch.output().includes('status   stopped'));
    ok(await server.api.remove(id));
    await expect(ended(watch)).resolves.toMatchObject({
      exitCode: 0,
      output: expect.stringContaining('status   deleted'),
    });
  });

  it('socketio/watch.mjs ends with the error code when there is no such container', async () => {
    const { exitCode, output } = await ended(run(process.execPath, [example('socketio/watch.mjs'), 'nobody']));
    expect({ exitCode, output }).toEqual({ exitCode: 1, output: expect.stringContaining('container_not_found') });
  });

  it('socketio/terminal.mjs runs a shell and ends with its exit code', async () => {
    const { name, id } = await container();
    const terminal = run(process.execPath, [example('socketio/terminal.mjs'), name]);
    await until('the prompt', () => terminal.output().includes('$'));
    terminal.child.stdin!.write('echo answer-$((6 * 7)); exit 3\r');
    const { exitCode, output } = await ended(terminal);
    expect({ exitCode, output }).toEqual({ exitCode: 3, output: expect.stringContaining('answer-42') });
    ok(await server.api.remove(id));
  });

  describe('ci/run-instruction.sh', () => {
    const job = (
      name: string,
      more: Record<string, string> = {},
    ): Promise<{ exitCode: number | null; output: string }> =>
      ended(
        run(example('ci/run-instruction.sh'), [], {
          NAME: name,
          REPO_URL: git.url('https', 'open'),
          PROMPT: 'Add a file.',
          PATCH: join(folder, `${name}.patch`),
          ...more,
        }),
      );

    it('saves the patch, runs the check in the container, and deletes the container', async () => {
      const name = uniqueName('ci');
      model().replyNext(writeFile('added.txt', 'added by the agent'), say('A file is added.'));
      const { exitCode, output } = await job(name, { REPO_BRANCH: 'dev', CHECK: 'cat dev.txt added.txt' });
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.any(String) });
      for (const part of ['→ Write', 'A file is added.', 'instruction: succeeded', 'dev\nadded by the agent']) {
        expect(output).toContain(part);
      }
      await expect(readFile(join(folder, `${name}.patch`), 'utf8')).resolves.toContain('+added by the agent');
      await expect(isGone(name)).resolves.toBe(true);
    });

    it('fails when the check fails', async () => {
      const name = uniqueName('ci');
      model().replyNext(say('Nothing to do.'));
      const { exitCode, output } = await job(name, { CHECK: 'exit 7' });
      expect({ exitCode, output }).toEqual({ exitCode: 1, output: expect.stringContaining('check: exit code 7') });
      await expect(isGone(name)).resolves.toBe(true);
    });

    it('fails with the reason when the instruction fails', async () => {
      const name = uniqueName('ci');
      model().replyNext(failure(400, 'invalid_request_error', 'No such model.'));
      const { exitCode, output } = await job(name);
      expect({ exitCode, output }).toEqual({ exitCode: 1, output: expect.stringContaining('api_error: ') });
      await expect(isGone(name)).resolves.toBe(true);
    });

    it('fails with the reason when the repository cannot be cloned', async () => {
      const name = uniqueName('ci');
      const { exitCode, output } = await job(name, { REPO_URL: git.url('https', 'absent') });
      expect({ exitCode, output }).toEqual({ exitCode: 1, output: expect.stringMatching(/does not run: failed/) });
      await expect(isGone(name)).resolves.toBe(true);
    });
  });
});
