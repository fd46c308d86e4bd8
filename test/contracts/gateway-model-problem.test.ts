/** How the egress gateway reports that the model's API does not answer a workspace. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { until } from '../support/e2e/until.js';

interface Problem {
  reason: string;
  status: number | null;
  at: string;
}
interface Workspace {
  setSecrets(secrets: object): void;
}
interface Registry {
  open(id: string): Promise<Workspace>;
  remove(id: string): void;
  modelProblems(): { id: string; problem: Problem }[];
}
interface Programs {
  Registry: new (
    folder: string,
    onConnection: unknown,
    onDenial: () => void,
    onSpend: () => void,
    onModelProblem: (id: string, problem: Problem | null) => void,
  ) => Registry;
  serve: unknown;
}

const FOLDER = '../../images/workspace/gateway';
const CANARY = 'canary-of-the-key';

describe('the egress gateway, whose upstream is the API of a model', () => {
  let programs: Programs;
  let folder: string;
  let upstream: Server;
  let status = 200;
  let registry: Registry;
  let seen: (Problem | null)[];
  let id: string;
  let ids = 0;

  /** What Claude Code would ask. @returns status and body */
  const ask = async (method = 'POST', path = '/model/v1/messages'): Promise<[number, string]> => {
    const asked = request({ socketPath: join(folder, 'workspaces', id, 'gateway.sock'), method, path });
    asked.end(method === 'POST' ? '{"model":"m","max_tokens":1}' : '');
    const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
    return [answer.statusCode!, await text(answer)];
  };
  const reasons = () => seen.map((problem) => problem && [problem.reason, problem.status]);

  beforeAll(async () => {
    const modules = await Promise.all(
      ['registry', 'connection'].map((name) => import(`${FOLDER}/${name}.mjs`) as Promise<object>),
    );
    programs = Object.assign({}, ...modules) as Programs;
    folder = await mkdtemp(join(tmpdir(), 'devforge-gateway-'));
    upstream = createServer((asked, answer) => {
      asked.resume();
      answer
        .writeHead(status, { 'x-secret': CANARY, 'content-type': 'application/json' })
        .end(`{"error":"${CANARY} ${asked.headers['x-api-key']}"}`);
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    registry = new programs.Registry(
      folder,
      programs.serve,
      () => undefined,
      () => undefined,
      (changed, problem) => void (changed === id && seen.push(problem)),
    );
  });
  beforeEach(async () => {
    id = `w${++ids}`;
    seen = [];
    await connectTo((upstream.address() as AddressInfo).port);
  });
  afterEach(() => registry.remove(id));
  afterAll(async () => {
    upstream.closeAllConnections();
    upstream.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function connectTo(port: number): Promise<void> {
    const modelApi = { baseUrl: `http://127.0.0.1:${port}`, header: 'x-api-key', value: 'key' };
    (await registry.open(id)).setSecrets({ modelApi, git: [], http: [] });
  }

  it.each([
    [401, 'credential_refused'],
    [403, 'credential_refused'],
    [429, 'rate_limited'],
    [529, 'overloaded'],
    [500, 'failed'],
  ])(
    'passes %i on and reports it as %s until an answer succeeds, with nothing that the API has written',
    async (code, reason) => {
      status = code;
      expect(await ask()).toEqual([code, `{"error":"${CANARY} key"}`]);
      expect(reasons()).toEqual([[reason, code]]);
      expect(Object.keys(seen[0]!)).toEqual(['reason', 'status', 'at']);
      expect(JSON.stringify(registry.modelProblems())).not.toContain(CANARY);
      expect(registry.modelProblems()).toEqual([{ id, problem: seen[0] }]);
      status = 200;
      await ask();
      expect(registry.modelProblems()).toEqual([]);
      await until('the end to be reported', async () => seen.length === 2);
      expect(seen[1]).toBeNull();
    },
  );

  it('reports an API that cannot be reached', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await connectTo(port);
    expect((await ask())[0]).toBe(502);
    expect(reasons()).toEqual([['unreachable', null]]);
  });

  it('takes no notice of what the request is the cause of, and of requests for no model', async () => {
    status = 401;
    await ask();
    status = 400;
    await ask();
    status = 200;
    await ask('HEAD', '/model/');
    await ask('POST', '/model/v1/messages/count_tokens');
    expect(registry.modelProblems()).toMatchObject([{ id, problem: { status: 401 } }]);
  });

  it('reports once a second at most, and the latest at last', async () => {
    const begun = Date.now();
    for (let times = 0; times < 40; times++) {
      status = times % 2 === 0 ? 429 : 529;
      await ask();
    }
    status = 401;
    await ask();
    await until('the latest to be reported', async () => seen.at(-1)?.status === 401);
    expect(seen.length).toBeLessThan(3 + (Date.now() - begun) / 1_000);
  });

  it('reports that it is over with the workspace', async () => {
    status = 529;
    await ask();
    registry.remove(id);
    await until('the end to be reported', async () => seen.at(-1) === null);
    expect(registry.modelProblems()).toEqual([]);
  });
});
