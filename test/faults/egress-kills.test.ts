/** The gateway, DevForge and the engine go away while an instruction runs in a restricted container: it goes on, and nothing else gets out. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { Engine } from '../support/api/engine.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { Listeners } from '../support/egress/listeners.js';
import { OwnGateway } from '../support/egress/own-gateway.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import { InstructionsClient, range, seqsOf } from '../support/instructions/instructions-client.js';
import { StepwiseModel, stepwisePrompt } from '../support/instructions/stepwise-model.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';

const STEPS = 16;
const STEP_SECONDS = 0.5;
const RUN_MS = 120_000;
const TEST_MS = 240_000;

/** Tries to get out, again and again, by the gateway and past it, until `/tmp/stop`; writes what it saw. */
const probe = (host: string, port: number): string => `
import json, os, socket, time
seen = {'attempts': 0, 'through': []}
def attempt(address, first):
    s = socket.create_connection(address, timeout=20)
    s.settimeout(20)
    s.sendall(first)
    answer = s.recv(100)
    s.close()
    return answer.decode()
while not os.path.exists('/tmp/stop'):
    for address, first in ((('127.0.0.1', 3128), b'CONNECT ${host}:${port} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'), (('${host}', ${port}), b'x')):
        try: answer = attempt(address, first)
        except OSError: answer = ''
        seen['attempts'] += 1
        if answer and not answer.startswith(('HTTP/1.1 403', 'HTTP/1.1 503')): seen['through'].append(answer)
        with open('/tmp/seen.new', 'w') as file: json.dump(seen, file)
        os.rename('/tmp/seen.new', '/tmp/seen')
    time.sleep(0.05)
`;

describe('an instruction in a restricted container', () => {
  let server: TestServer;
  let engine: EngineProxy;
  let gateway: OwnGateway;
  let listeners: Listeners;
  let messages: MessagesApi;
  let model: StepwiseModel;
  let instructions: InstructionsClient;
  let container: Container;
  let host: string;

  const inside = async (script: string): Promise<string> =>
    (await server.engine.exec(container.dockerId!, ['bash', '-c', script], { user: '1000' })).stdout;
  const startProbe = (): Promise<string> =>
    inside(
      `rm -f /tmp/stop /tmp/seen; setsid python3 -c "$(cat <<'END'\n${probe(host, listeners.canaryPort)}\nEND\n)" > /dev/null 2>&1 &`,
    );
  const seen = async (): Promise<{ attempts: number; through: string[] }> =>
    JSON.parse((await inside('cat /tmp/seen 2> /dev/null')) || '{"attempts":0,"through":[]}') as never;
  /** That the probe goes on trying, and gets nowhere. */
  const stillRefused = async (): Promise<void> => {
    const before = (await seen()).attempts;
    await until('two more attempts', async () => (await seen()).attempts > before + 2, 60_000);
    expect((await seen()).through).toEqual([]);
    expect(listeners.reached).toEqual([]);
  };
  const reaches = async (port: number): Promise<string> => inside(`curl -sS -m 20 http://${host}:${port}/`);
  const startTask = async (name: string): Promise<string> => {
    const { id } = await instructions.create(container.id, stepwisePrompt(name, STEPS, STEP_SECONDS));
    await startProbe();
    await until('the second step', () => model.requests.has(`${name} 2`), RUN_MS);
    return id;
  };
  const goesOn = async (name: string, id: string): Promise<void> => {
    const ended = await instructions.waitForEnd(id, RUN_MS);
    expect(ended).toMatchObject({ status: 'succeeded', statusReason: null, result: `${name} is done` });
    for (const step of range(STEPS, 0)) expect(model.requests.has(`${name} ${step}`)).toBe(true);
    expect(seqsOf(await instructions.events(id))).toEqual(range(ended.lastSeq));
    await stillRefused();
    // What a rule allows is reached again, and what is refused is told.
    expect(await reaches(listeners.httpPort)).toBe('reached\n');
    await inside('touch /tmp/stop');
    const denials = await server.api.request<{ items: { port: number }[] }>(
      'GET',
      `/api/containers/${container.id}/egress/denials`,
    );
    expect(ok(denials).items.some(({ port }) => port === listeners.canaryPort)).toBe(true);
  };

  beforeAll(async () => {
    host = (await dockerBridgeAddress())!;
    [engine, listeners, messages] = await Promise.all([EngineProxy.start(), Listeners.open(host), startMessagesApi()]);
    gateway = new OwnGateway(new Engine());
    const scripted = messages.model('egress-kills');
    model = new StepwiseModel(scripted);
    // The operator's key, which the gateway loses with its process.
    server = await startTestServer({ ...engine.env, ...gateway.env, ...scripted.env, EGRESS_PRIVATE_HOSTS: host });
    instructions = new InstructionsClient(server.api, server.devforge.token);
    await ensureImages(server, 'claude');
    const body = { name: uniqueName(), template: 'claude', mode: 'autonomous', memoryLimit: 1024 } as const;
    const egressAllow = [{ host, ports: [listeners.httpPort] }];
    container = ok(await server.api.create({ ...body, egressAllow }, { prefer: 'wait=60' }));
    expect(container).toMatchObject({ status: 'running', egress: 'restricted' });
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    await engine?.set('pass');
    expect(listeners.reached).toEqual([]);
  });
  afterAll(async () => {
    await server?.dispose();
    await gateway?.remove();
    await Promise.all([engine?.close(), listeners?.close(), messages?.close()]);
  }, 120_000);

  it(
    'goes on when the gateway crashes',
    async () => {
      const id = await startTask('crash');
      await gateway.crash();
      await stillRefused();
      await goesOn('crash', id);
    },
    TEST_MS,
  );

  it(
    'goes on when the gateway is killed and nobody but DevForge starts it again',
    async () => {
      const id = await startTask('killed');
      await gateway.kill();
      await stillRefused();
      await goesOn('killed', id);
    },
    TEST_MS,
  );

  it(
    'goes on while DevForge is killed, and is followed again afterwards',
    async () => {
      const id = await startTask('devforge');
      await server.devforge.kill();
      await stillRefused();
      await until('five steps without DevForge', () => model.requests.has('devforge 7'), RUN_MS);
      await server.devforge.restart();
      await goesOn('devforge', id);
    },
    TEST_MS,
  );

  it(
    'goes on while the engine does not answer',
    async () => {
      const id = await startTask('away');
      await engine.set('refuse');
      await stillRefused();
      await until('five steps without the engine', () => model.requests.has('away 7'), RUN_MS);
      await engine.set('pass');
      await goesOn('away', id);
    },
    TEST_MS,
  );

  it(
    'is resumed when the engine stopped with everything in it while DevForge was down',
    async () => {
      const id = await startTask('engine');
      await server.devforge.kill();
      await Promise.all([gateway.kill(), server.engine.docker.getContainer(container.dockerId!).kill()]);
      await server.devforge.restart();
      await until('the workspace runs', async () => (await server.engine.inspect(container.dockerId!)).State.Running);
      expect(await inside('ls /sys/class/net')).toBe('lo\n');
      await startProbe();
      await stillRefused();
      await goesOn('engine', id);
    },
    TEST_MS,
  );
});
