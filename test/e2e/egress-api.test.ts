/** What containers may reach, as the API says it, and what it tells of what they were refused. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditOf } from '../support/api/audit.js';
import { ApiClient, ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer, EgressDenial } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { Listeners } from '../support/egress/listeners.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import type { GitServers } from '../support/git/git-servers.js';
import { parseExposition } from '../support/prometheus/parse.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const NO_HOST = 'nowhere.invalid';

describe('egress of containers', () => {
  let server: TestServer;
  let git: GitServers;
  let listeners: Listeners;
  let host: string;
  let project: { id: string };
  let viewer: ApiClient;

  const create = (body: Partial<CreateContainer> & object, client: ApiClient = server.api) =>
    client.create({ name: uniqueName('egress'), template: 'claude', memoryLimit: 512, ...body }, { prefer: 'wait=60' });
  const running = async (body: Partial<CreateContainer>): Promise<Container> => {
    const made = ok(await create(body));
    expect(made).toMatchObject({ status: 'running', statusReason: null });
    return made;
  };
  const change = ({ id }: Container, body: object, client: ApiClient = server.api) =>
    client.request<Container>('PATCH', `/api/containers/${id}/egress`, { body });
  const denials = async ({ id }: Container, query: object = {}): Promise<EgressDenial[]> =>
    ok(
      await server.api.request<{ items: EgressDenial[] }>('GET', `/api/containers/${id}/egress/denials`, {
        query: query as Record<string, string>,
      }),
    ).items;
  const inside = async ({ id }: Container, script: string): Promise<string> => {
    const answer = await server.api.request<{ stdout: string; stderr: string }>('POST', `/api/containers/${id}/exec`, {
      body: { command: ['bash', '-c', script], timeoutSeconds: 30 },
    });
    const { stdout, stderr } = ok(answer);
    return stdout + stderr;
  };
  const ask = (container: Container): Promise<string> =>
    inside(container, `curl -sSk -m 20 https://${host}:${listeners.httpsPort}/`);
  const rule = () => ({ host, ports: [listeners.httpsPort] });

  beforeAll(async () => {
    host = (await dockerBridgeAddress())!;
    server = await startTestServer({ EGRESS_PRIVATE_HOSTS: host });
    [git, listeners] = await Promise.all([gitFixture(server), Listeners.open(host)]);
    await ensureImages(server, 'claude');
    project = ok(
      await server.api.request('POST', '/api/projects', { body: { name: 'fenced', egress: { forbidOpen: true } } }),
    );
    const key = await server.api.request<{ key: string }>('POST', '/api/api-keys', {
      body: { name: 'viewer', role: 'viewer' },
    });
    viewer = new ApiClient(server.devforge.url, ok(key).key);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await Promise.all([git?.close(), listeners?.close()]);
  }, 60_000);

  it('is open in the mode interactive, restricted in the mode autonomous, and where the project forbids open', async () => {
    expect(await running({})).toMatchObject({ egress: 'open', egressAllow: [], egressSets: ['git', 'model'] });
    expect((await running({ mode: 'autonomous', egress: 'open' })).egress).toBe('open');
    const fenced = await running({ projectId: project.id });
    expect(fenced.egress).toBe('restricted');
    expect(await inside(fenced, 'ls /sys/class/net')).toBe('lo\n');
    for (const answer of [
      await create({ projectId: project.id, egress: 'open' }),
      await change(fenced, { egress: 'open' }),
    ])
      expect(problem(answer)).toMatchObject({ status: 403, code: 'egress_open_forbidden' });
    ok(await server.api.request('PATCH', `/api/projects/${project.id}`, { body: { egress: {} } }));
    expect(ok(await change(fenced, { egress: 'open' })).egress).toBe('open');
  }, 60_000);

  it('goes on through the gateway when it is opened again, until its next start', async () => {
    const container = await running({ egress: 'open', env: { JAVA_TOOL_OPTIONS: '-Dx=y' } });
    ok(await change(container, { egress: 'none' }));
    ok(await change(container, { egress: 'open' }));
    expect(await inside(container, 'ls /sys/class/net')).toBe('lo\n');
    expect(await inside(container, 'echo $https_proxy')).toBe('http://127.0.0.1:3128\n');
    expect(await inside(container, 'echo $JAVA_TOOL_OPTIONS')).toMatch(/^-Dhttp.proxyHost=127.0.0.1 .* -Dx=y\n$/);
    expect(await inside(container, "env -i bash -lc 'echo $https_proxy'")).toBe('http://127.0.0.1:3128\n');
    expect(await ask(container)).toBe('reached\n');
  }, 60_000);

  it('lets a restricted container clone its repository and reach what its rules name, and nothing else', async () => {
    const container = await running({
      egress: 'restricted',
      egressAllow: [rule()],
      repoType: 'clone',
      repoUrl: git.url('https', 'open'),
    });
    expect(container).toMatchObject({ egressAllow: [rule()], egressSets: ['git', 'model'] });
    expect(await inside(container, 'git -C /workspace fetch && cat /workspace/README.md')).toBe('hello\n');
    expect(await ask(container)).toBe('reached\n');
    expect(await inside(container, `curl -sS -m 20 https://${NO_HOST}/`)).toContain('403');
    const [denial] = await until('it is listed', async () => {
      const found = await denials(container);
      return found.length > 0 && found;
    });
    expect(denial).toEqual({
      seq: 1,
      at: expect.any(String),
      host: NO_HOST,
      port: 443,
      reason: 'not_allowed',
      attempts: 1,
      rule: { host: NO_HOST, ports: [443] },
    });
  }, 60_000);

  it('lets an autonomous container clone over HTTPS and SSH although nobody named a rule', async () => {
    const autonomous = { mode: 'autonomous', repoType: 'clone' } as const;
    const containers = await Promise.all([
      running({ ...autonomous, repoUrl: git.url('https', 'open') }),
      running({ ...autonomous, repoUrl: git.url('ssh', 'secret'), sshKeyPath: server.key.privateKeyPath }),
    ]);
    for (const container of containers) {
      expect(container).toMatchObject({ egress: 'restricted', egressAllow: [], egressSets: ['git', 'model'] });
      expect(await inside(container, 'git -C /workspace fetch && ls /sys/class/net')).toBe('lo\n');
      expect(await denials(container)).toEqual([]);
    }
  }, 60_000);

  it('names the rule that a clone lacks, and clones with it at the next start', async () => {
    const clone: Partial<CreateContainer> = { mode: 'autonomous', repoType: 'clone', egressSets: ['model'] };
    const reason = async (body: Partial<CreateContainer>) => ok(await create({ ...clone, ...body })).statusReason;
    const lacks = (port: number) => ({
      code: 'egress_denied',
      message: expect.stringContaining(JSON.stringify({ host, ports: [port] })),
    });
    const ssh = { repoUrl: git.url('ssh', 'secret'), sshKeyPath: server.key.privateKeyPath };
    expect(await reason(ssh)).toMatchObject(lacks(git.ssh.port));
    expect(await reason({ repoUrl: 'https://10.255.255.1/r.git', egressSets: ['git'] })).toMatchObject({
      code: 'egress_denied',
      message: expect.stringContaining('EGRESS_PRIVATE_HOSTS'),
    });
    const made = ok(await create({ ...clone, repoUrl: git.url('https', 'open') }));
    expect(made).toMatchObject({ status: 'failed', statusReason: lacks(git.https.port) });
    ok(await change(made, { egressSets: ['git', 'model'] }));
    ok(await server.api.start(made.id));
    expect(await inside(made, 'cat /workspace/README.md')).toBe('hello\n');
  }, 90_000);

  it('changes in a container that runs, and tells subscribers and metrics what was refused', async () => {
    const container = await running({ egress: 'restricted', egressSets: [] });
    const socket = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    await socket.ask('subscribe:status', { containerId: container.id });
    const other = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    expect(await ask(container)).toContain('403');
    const [pushed] = await until('it is pushed', () => {
      const events = socket.all('egress:denied');
      return events.length > 0 && events;
    });
    const expected = { host, port: listeners.httpsPort, reason: 'not_allowed' };
    expect(pushed).toMatchObject({ containerId: container.id, denial: { ...expected, seq: 1 } });
    expect(await denials(container)).toEqual([pushed!.denial]);
    expect(await denials(container, { after: 1 })).toEqual([]);
    expect(other.all('egress:denied')).toEqual([]);
    const metrics = parseExposition(ok(await server.api.request<string>('GET', '/metrics')));
    const [counted] = metrics.find('devforge_egress_denials_total', { reason: 'not_allowed' });
    expect(counted!.value).toBeGreaterThanOrEqual(1);

    const allowed = ok(await change(container, { egressAllow: [rule()] }));
    expect(allowed).toMatchObject({ egress: 'restricted', egressAllow: [rule()], egressSets: [] });
    expect(await ask(container)).toBe('reached\n');
    expect(ok(await change(container, { egress: 'none' })).egressAllow).toEqual([rule()]);
    expect(await ask(container)).toContain('403');
    expect(ok(await change(container, { egress: 'restricted' })).egress).toBe('restricted');
    expect(await ask(container)).toBe('reached\n');
    const changes = await auditOf(server.api, { action: 'container.egress', target: container.id });
    expect(changes.map(({ outcome }) => outcome)).toEqual(['allowed', 'allowed', 'allowed']);
    socket.close();
    other.close();
  }, 60_000);

  it('stays over a stop, a start, a rebuild and a restart of the server', async () => {
    const container = await running({ egress: 'restricted', egressAllow: [rule()], egressSets: [] });
    // Repeats within a minute are not denials of their own.
    const holds = async (refused: string): Promise<void> => {
      expect(await inside(container, 'ls /sys/class/net')).toBe('lo\n');
      expect(await ask(container)).toBe('reached\n');
      expect(await inside(container, `curl -sS -m 20 https://${refused}/`)).toContain('403');
    };
    ok(await server.api.stop(container.id));
    ok(await server.api.start(container.id));
    await holds('one.invalid');
    const path = `/api/containers/${container.id}/rebuild`;
    ok(await server.api.request('POST', path, { headers: { prefer: 'wait=60' } }));
    await holds('two.invalid');
    await until('it is listed', async () => (await denials(container)).length > 1);
    const before = (await denials(container)).at(-1)?.seq ?? 0;
    await server.devforge.restart();
    await holds('three.invalid');
    // Denials go on behind the last one, without a gap.
    await until('it is listed', async () => (await denials(container, { after: before })).length > 0);
    const seqs = (await denials(container)).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  }, 120_000);

  it('takes the network from an open container at once', async () => {
    const container = await running({});
    expect(await ask(container)).toBe('reached\n');
    ok(await change(container, { egress: 'none' }));
    expect(await ask(container)).not.toContain('reached');
    ok(await server.api.stop(container.id));
    ok(await server.api.start(container.id));
    expect(await inside(container, 'ls /sys/class/net')).toBe('lo\n');
  }, 60_000);

  it('refuses rules that are none', async () => {
    const cases: [object, string][] = [
      [{ egress: 'closed' }, 'egress'],
      [{ egressSets: ['all'] }, 'egressSets'],
      [{ egressAllow: [{ host: '127.0.0.1' }] }, 'egressAllow.0.host'],
      [{ egressAllow: [{ host: 'example.org' }, { host: '*.org' }] }, 'egressAllow.1.host'],
      [{ egressAllow: [{ host: 'example.org', ports: [0] }] }, 'egressAllow.0.ports'],
    ];
    for (const [body, field] of cases) {
      const answer = problem(await create(body));
      expect([answer.code, answer.errors?.map((error) => error.field)]).toEqual(['validation_failed', [field]]);
    }
    const container = await running({});
    expect(problem(await change(container, {}, viewer)).code).toBe('forbidden');
    const seen = await viewer.request('GET', `/api/containers/${container.id}/egress/denials`);
    expect(ok(seen)).toEqual({ items: [] });
    const wrong = await viewer.request('GET', `/api/containers/${container.id}/egress/denials`, {
      query: { after: '-1' },
    });
    expect(problem(wrong).code).toBe('validation_failed');
  }, 60_000);
});
