import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';

const SCHEMATHESIS = resolve('node_modules/.cache/devforge-python/schemathesis/bin/schemathesis');
/** Requests of each route in the random phase, beside those that try every limit. */
const MAX_EXAMPLES = 30;
/** A bound for a run that hangs: it takes three minutes on two cores, and several times that on a busy machine. */
const MAX_SECONDS = 15 * 60;

interface Ids {
  running: string;
  stopped: string;
  /** Stopped, and cannot be started. */
  idle: string;
  instruction: string;
  job: string;
}

/** What Schemathesis has to know beside the API document. */
const configuration = ({ running, stopped, idle, instruction, job }: Ids): string => `
workers = 1
continue-on-failure = true
request-timeout = 30
warnings = false

[generation]
max-examples = ${MAX_EXAMPLES}
deterministic = true
database = "none"

[checks]
# A path that exists with another method is answered with 404.
unsupported_method.enabled = false
# Rules between fields, such as repoUrl with repoType clone, cannot be said in the document.
positive_data_acceptance.enabled = false

[phases.coverage]
unexpected-methods = []

[[operations]]
include-path-regex = "^/api/containers/.*/(exec|files|metrics|terminals|editor|preview)"
parameters = { "path.id" = "${running}" }

[[operations]]
include-path = "/api/containers"
include-method = "POST"
parameters = { "header.Prefer" = "wait=1" }

# These would end the container that all others use.
[[operations]]
include-path-regex = "/(start|stop)$"
parameters = { "path.id" = "${stopped}" }

[[operations]]
include-path-regex = "^/api/containers/.*/instructions$"
parameters = { "path.id" = "${idle}" }
# With startIfStopped the engine refuses the start.
checks = { not_a_server_error = { enabled = false } }

[[operations]]
include-path-regex = "^/api/instructions/"
parameters = { "path.id" = "${instruction}", "query.follow" = false }

[[operations]]
include-path-regex = "^/api/jobs/"
parameters = { "path.id" = "${job}" }

[[operations]]
include-path-regex = "/logs$"
parameters = { "path.id" = "${running}", "query.follow" = false }
`;

describe('every answer to requests that Schemathesis makes from the API document', () => {
  let proxy: EngineProxy;
  let server: TestServer;
  let folder: string;

  const created = async (): Promise<Container> =>
    ok(await server.api.create({ name: uniqueName('api'), template: 'claude' }, { prefer: 'wait=60' }));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-schemathesis-'));
    proxy = await EngineProxy.start();
    server = await startTestServer(proxy.env);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await proxy?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it(
    'is one that the document lists, and no server error',
    async () => {
      const [running, stopped, idle] = await Promise.all([created(), created(), created()]);
      const { id: instruction } = ok(
        await server.api.request<{ id: string }>('POST', `/api/containers/${idle.id}/instructions`, {
          body: { prompt: 'p' },
        }),
      );
      for (const { id } of [stopped, idle]) ok(await server.api.stop(id));
      // Every valid body would be another container, and every instruction a run of Claude Code.
      proxy.fail(({ method, url }) => method === 'POST' && /\/containers\/create/.test(url), 400, 'not in this test');
      proxy.fail(
        ({ method, url }) => method === 'POST' && url.includes(`${idle.dockerId}/start`),
        400,
        'not in this test',
      );
      const config = join(folder, 'schemathesis.toml');
      await writeFile(
        config,
        configuration({ running: running.id, stopped: stopped.id, idle: idle.id, instruction, job: running.job!.id }),
      );
      const { url, token } = server.devforge;
      const args = [
        '--config-file',
        config,
        'run',
        `${url}/docs/openapi.json`,
        '--header',
        `Authorization: Bearer ${token}`,
      ];
      const process = spawn(SCHEMATHESIS, [...args, '--no-color'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      const ended = new Promise<number | null>((settle) => process.once('exit', settle));
      const timer = setTimeout(() => process.kill(), MAX_SECONDS * 1_000);
      const [code, output, errors] = await Promise.all([ended, text(process.stdout), text(process.stderr)]);
      clearTimeout(timer);
      for (const { id } of ok(await server.api.list({ limit: 500 })).items) server.api.accepted.add(id);
      if (code !== 0) throw new Error(`Schemathesis ended with ${code}:\n${output}\n${errors}`);
      expect(output).toContain('passed');
    },
    (MAX_SECONDS + 60) * 1_000,
  );
});
