/** Credentials that containers use: who may store and use them, what they do inside, and that nobody is shown a value. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { auditOf } from '../support/api/audit.js';
import { ApiClient, ok, problem } from '../support/api/client.js';
import { newSignedInUser, type SignedIn } from '../support/api/signed-in.js';
import type { Container, CreateContainer, CreateCredential, Credential } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { InstructionsClient } from '../support/instructions/instructions-client.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { bash, say } from '../support/messages-api/replies.js';
import type { ScriptedModel } from '../support/messages-api/scripted-model.js';
import type { GitServers } from '../support/git/git-servers.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import { createSshKey, type SshKey } from '../support/git/ssh-key.js';

const run = promisify(execFile);
const CANARY = `canary-${randomUUID()}`;
const DEFAULT_PROJECT = '00000000-0000-4000-8000-000000000001';
const ABSENT = '00000000-0000-4000-8000-00000000dead';
/** Five seconds are promised; a busy machine takes longer for the commands that show it. */
const WITHDRAWAL_MS = 10_000;
const WAIT = { prefer: 'wait=120' };

describe('credentials', () => {
  let server: TestServer;
  let git: GitServers;
  let messages: MessagesApi;
  let model: ScriptedModel;
  let key: SshKey;
  let keyText: string;
  let other: { id: string };
  let member: ApiClient;
  let foreigner: ApiClient;
  let ada: SignedIn;
  /** Every answer of the API about credentials and containers. */
  const answers: string[] = [];

  const request = async <T>(client: ApiClient, method: string, path: string, body?: object) => {
    const answer = await client.request<T>(method, path, body === undefined ? {} : { body });
    answers.push(JSON.stringify(answer.body ?? null));
    return answer;
  };
  const store = (body: Partial<CreateCredential>, client: ApiClient = server.api) =>
    request<Credential>(client, 'POST', '/api/credentials', {
      name: uniqueName('credential'),
      kind: 'anthropic_api_key',
      value: CANARY,
      ...body,
    });
  const create = async (body: Partial<CreateContainer>, client: ApiClient = server.api) => {
    const answer = await client.create(
      { name: uniqueName(), template: 'claude', memoryLimit: 512, ...body },
      client === server.api ? WAIT : {},
    );
    answers.push(JSON.stringify(answer.body));
    if (answer.status < 300) server.api.accepted.add(answer.body.id);
    return answer;
  };
  const said = async (container: Container, script: string): Promise<string> => {
    const result = await server.engine.exec(container.dockerId!, ['bash', '-c', script], {
      user: '1000',
      cwd: '/workspace',
    });
    expect({ script, exitCode: result.exitCode, stderr: result.exitCode === 0 ? '' : result.stderr }).toEqual({
      script,
      exitCode: 0,
      stderr: '',
    });
    return result.stdout.trim();
  };
  const newKey = async (body: object): Promise<ApiClient> => {
    const answer = await server.api.request<{ key: string }>('POST', '/api/api-keys', {
      body: { name: 'test', ...body },
    });
    return new ApiClient(server.devforge.url, ok(answer).key);
  };
  const listed = async (client: ApiClient): Promise<string[]> =>
    ok(await request<{ items: Credential[] }>(client, 'GET', '/api/credentials')).items.map(({ id }) => id);

  beforeAll(async () => {
    messages = await startMessagesApi();
    model = messages.model('credentials');
    const privateHost = (await dockerBridgeAddress())!;
    server = await startTestServer({ ANTHROPIC_BASE_URL: model.url, EGRESS_PRIVATE_HOSTS: privateHost });
    git = await gitFixture(server);
    // In no folder that the server reads keys from.
    key = await createSshKey(join(server.devforge.dataDir, '..', 'elsewhere'));
    keyText = await readFile(key.privateKeyPath, 'utf8');
    await git.ssh.authorize(key.publicKey);
    await ensureImages(server, 'claude');
    other = ok(await server.api.request('POST', '/api/projects', { body: { name: 'other' } }));
    member = await newKey({ projectId: DEFAULT_PROJECT });
    foreigner = await newKey({ projectId: other.id, role: 'owner' });
    ada = await newSignedInUser(server.api, { email: 'ada@example.org', projects: { [DEFAULT_PROJECT]: 'member' } });
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await Promise.all([git?.close(), messages?.close()]);
  }, 60_000);

  describe('are stored', () => {
    it.each<[Partial<CreateCredential>, Partial<Credential>]>([
      [{ kind: 'claude_oauth_token' }, { host: null, username: null, header: null }],
      [
        { kind: 'git_https_token', host: 'Git.Example.org' },
        { host: 'git.example.org', username: 'x-access-token' },
      ],
      [
        { kind: 'http_header', host: 'api.example.org', header: 'X-Api-Key' },
        { host: 'api.example.org', header: 'X-Api-Key' },
      ],
    ])('with what they are for, and without their value: %j', async (body, expected) => {
      const answer = await store(body);
      const made = ok(answer);
      expect([answer.status, answer.headers.get('location')]).toEqual([201, `/api/credentials/${made.id}`]);
      expect(made).toMatchObject({
        ...expected,
        kind: body.kind,
        projectId: DEFAULT_PROJECT,
        userId: null,
        createdBy: 'admin',
        lastUsedAt: null,
      });
      expect(ok(await request(server.api, 'GET', `/api/credentials/${made.id}`))).toEqual(made);
      await expect(listed(server.api)).resolves.toContain(made.id);
      expect((await request(server.api, 'DELETE', `/api/credentials/${made.id}`)).status).toBe(204);
      const gone = await request(server.api, 'GET', `/api/credentials/${made.id}`);
      expect(problem(gone)).toMatchObject({ status: 404, code: 'credential_not_found' });
    });

    it('as the fingerprint of an SSH key says', async () => {
      const made = ok(await store({ kind: 'ssh_key', value: `\r\n${keyText.replaceAll('\n', '\r\n')}` }));
      const { stdout } = await run('ssh-keygen', ['-lf', `${key.privateKeyPath}.pub`]);
      expect(stdout).toContain(` ${made.fingerprint} `);
      ok(await request(server.api, 'DELETE', `/api/credentials/${made.id}`));
    });

    it('only with a value that can be one of their kind, which no refusal repeats', async () => {
      const cases: [Partial<CreateCredential> & { extra?: string }, string, string][] = [
        [{ value: `${CANARY} ${CANARY}` }, 'validation_failed', 'value'],
        [{ value: `sk-ant-oat01-${CANARY}` }, 'validation_failed', 'value'],
        [{ value: '' }, 'validation_failed', 'value'],
        [{ value: { key: CANARY } as unknown as string }, 'validation_failed', 'value'],
        [{ value: CANARY.repeat(5_000) }, 'validation_failed', 'value'],
        [{ kind: CANARY as 'ssh_key' }, 'validation_failed', 'kind'],
        [{ kind: 'git_https_token' }, 'validation_failed', 'host'],
        [{ host: 'example.org' }, 'validation_failed', 'host'],
        [{ name: 'a\0b' }, 'validation_failed', 'name'],
        [{ extra: CANARY }, 'validation_failed', 'extra'],
        [{ kind: 'ssh_key', value: CANARY }, 'ssh_key_not_usable', 'value'],
        [{ kind: 'ssh_key', value: key.publicKey }, 'ssh_key_not_usable', 'value'],
      ];
      for (const [body, code, field] of cases) {
        const answer = problem(await store(body));
        expect([body.kind ?? field, answer.status, answer.code]).toEqual([body.kind ?? field, 400, code]);
        expect(answer.errors!.map((error) => error.field)).toEqual([field]);
      }
    });

    it('by owners of a project and by users for themselves, and are seen by nobody else', async () => {
      expect(problem(await store({}, member)).code).toBe('forbidden');
      expect(problem(await store({ projectId: DEFAULT_PROJECT }, foreigner)).code).toBe('project_not_found');
      expect(problem(await store({ projectId: DEFAULT_PROJECT }, ada.api)).code).toBe('forbidden');
      const theirs = ok(await store({}, foreigner));
      expect(theirs).toMatchObject({ projectId: other.id, userId: null });
      const own = ok(await store({}, ada.api));
      expect(own).toMatchObject({ projectId: null, userId: ada.user.id, createdBy: ada.user.id });
      const ours = ok(await store({}));

      await expect(listed(member)).resolves.toEqual([ours.id]);
      await expect(listed(foreigner)).resolves.toEqual([theirs.id]);
      await expect(listed(ada.api)).resolves.toEqual([ours.id, own.id]);
      for (const [client, id] of [
        [member, theirs.id],
        [member, own.id],
        [foreigner, ours.id],
        [foreigner, own.id],
        [ada.api, theirs.id],
        [server.api, ABSENT],
      ] as const) {
        expect(problem(await request(client, 'GET', `/api/credentials/${id}`)).code).toBe('credential_not_found');
        // For a container they do not exist either.
        const named = problem(await create({ credentials: [id] }, client));
        expect(named).toMatchObject({ status: 404, code: 'credential_not_found' });
      }
      const unknown = await request(server.api, 'GET', '/api/credentials/x');
      expect(problem(unknown).code).toBe('credential_not_found');
      for (const [client, id] of [
        [foreigner, ours.id],
        [foreigner, own.id],
        [ada.api, theirs.id],
      ] as const)
        expect(problem(await request(client, 'DELETE', `/api/credentials/${id}`)).code).toBe('credential_not_found');
      // A member does not delete what belongs to the project.
      expect(problem(await request(ada.api, 'DELETE', `/api/credentials/${ours.id}`)).code).toBe('forbidden');
      // Not even an administrator gives somebody's own credential to a container.
      expect(problem(await create({ credentials: [own.id] })).code).toBe('credential_not_found');
      expect(problem(await create({ credentials: [ours.id, own.id] }, ada.api))).toMatchObject({
        code: 'validation_failed',
      });
      for (const id of [ours.id, own.id, theirs.id]) ok(await request(server.api, 'DELETE', `/api/credentials/${id}`));
    });

    it('two hundred of them at most for each project', async () => {
      const project = ok(await server.api.request<{ id: string }>('POST', '/api/projects', { body: { name: 'full' } }));
      const made = await Promise.all(Array.from({ length: 205 }, () => store({ projectId: project.id })));
      expect(made.filter(({ status }) => status === 201)).toHaveLength(200);
      for (const answer of made.filter(({ status }) => status !== 201))
        expect(problem(answer)).toMatchObject({ code: 'quota_exceeded', quota: 'credentials', limit: 200 });
      ok(await server.api.request('DELETE', `/api/projects/${project.id}`));
      await expect(listed(server.api)).resolves.not.toContain(made.find(({ status }) => status === 201)!.body.id);
    });
  });

  describe('in a container', () => {
    let credential: Credential;
    let container: Container;

    beforeAll(async () => {
      credential = ok(await store({ kind: 'ssh_key', value: keyText, name: 'deploy key' }));
      const repository = { repoType: 'clone', repoUrl: git.url('ssh', 'secret') } as const;
      const { id } = ok(await create({ ...repository, credentials: [credential.id] }, ada.api));
      container = await server.api.waitForStatus(id, 'running');
    }, 120_000);

    it('clone, fetch and push over SSH with an uploaded key, also after a stop and a start', async () => {
      expect(container.credentials).toEqual([{ id: credential.id, name: 'deploy key', kind: 'ssh_key' }]);
      expect(await said(container, 'cat secret.txt && ssh-add -l')).toMatch(
        new RegExp(`^kept\\n256 ${credential.fingerprint!.replaceAll(/[+/]/g, '.')} `),
      );
      const push = (subject: string): Promise<string> =>
        said(
          container,
          `git fetch && git commit -q --allow-empty -m "${subject}" && git push -q && git rev-parse HEAD`,
        );
      const head = await push('With an uploaded key');
      expect((await git.log('secret'))[0]).toMatchObject({ subject: 'With an uploaded key', hash: head });
      ok(await server.api.stop(container.id));
      container = ok(await server.api.start(container.id));
      await push('After a restart');
      expect((await git.log('secret'))[0]).toMatchObject({ subject: 'After a restart' });
    }, 60_000);

    it('are in the audit with each use: whose container it was, and for what', async () => {
      const uses = (await auditOf(server.api, { action: 'credential.use', target: credential.id })).toReversed();
      const details = {
        kind: 'ssh_key',
        purpose: 'git',
        containerId: container.id,
        containerName: container.name,
      };
      const target = { kind: 'credential', id: credential.id, name: 'deploy key' };
      // Set up by DevForge, and started again by somebody.
      const devforge = { actor: { kind: 'server', id: 'devforge', name: 'DevForge' }, credential: null, address: null };
      expect(uses[0]).toMatchObject(devforge);
      expect(uses.at(-1)).toMatchObject({ actor: { kind: 'administrator', id: 'admin', name: 'Administrator' } });
      for (const use of uses) expect(use).toMatchObject({ target, details, projectId: DEFAULT_PROJECT });
      const shown = ok(await request<Credential>(server.api, 'GET', `/api/credentials/${credential.id}`));
      expect(Date.parse(shown.lastUsedAt!)).toBeGreaterThan(Date.parse(credential.createdAt));
      const changes = await auditOf(server.api, { target: credential.id, action: 'credential.create' });
      expect(changes).toEqual([expect.objectContaining({ details: { kind: 'ssh_key' }, projectId: DEFAULT_PROJECT })]);
    });

    it('are not deleted while one has them, and are free once it is changed or gone', async () => {
      const path = `/api/credentials/${credential.id}`;
      const name = uniqueName();
      const second = ok(await create({ name, credentials: [credential.id] }));
      expect(problem(await request(server.api, 'DELETE', path))).toMatchObject({
        status: 409,
        code: 'credential_in_use',
        detail: expect.stringContaining(name),
        containers: [
          { id: container.id, name: container.name },
          { id: second.id, name },
        ],
      });
      ok(await server.api.remove(second.id));
      const update = (credentials: string[], client: ApiClient = server.api) =>
        request<Container>(client, 'PATCH', `/api/containers/${container.id}`, { credentials });
      expect(problem(await update([ABSENT])).code).toBe('credential_not_found');
      expect(problem(await update([credential.id, credential.id])).code).toBe('validation_failed');
      expect(problem(await update([credential.id], foreigner)).code).toBe('container_not_found');
      expect(ok(await update([]))).toMatchObject({ credentials: [], pendingChanges: ['credentials'] });
      expect((await request(server.api, 'DELETE', path)).status).toBe(204);
      expect(problem(await update([credential.id])).code).toBe('credential_not_found');
      const rebuilt = await server.api.request<Container>('POST', `/api/containers/${container.id}/rebuild`, {
        headers: WAIT,
      });
      container = ok(rebuilt);
      expect(container).toMatchObject({ status: 'running', pendingChanges: [], credentials: [] });
      expect(await said(container, 'ssh-add -l 2>&1 || true')).not.toContain('256 ');
    }, 120_000);

    it('are what Claude Code works with, also in a container that reaches nothing, and nowhere inside', async () => {
      const key = ok(await store({ value: model.credential }));
      const made = ok(await create({ credentials: [key.id], mode: 'autonomous', egress: 'none' }));
      model.replyNext(bash('echo worked > /workspace/out.txt'), say('Done.'));
      const instructions = new InstructionsClient(server.api, server.devforge.token);
      const { id } = await instructions.create(made.id, 'Work');
      expect(await instructions.waitForEnd(id)).toMatchObject({ status: 'succeeded', result: 'Done.' });
      expect(await said(made, 'cat out.txt')).toBe('worked');
      const credential = { kind: 'api-key', value: model.credential };
      expect(model.turns.map((turn) => turn.credential)).toEqual([credential, credential]);

      // Split, so that the search does not find itself.
      const [start, end] = [model.credential.slice(0, 8), model.credential.slice(8)];
      const places =
        '/workspace /home /var/lib/devforge /tmp /run /dev/shm /etc /proc/[0-9]*/environ /proc/[0-9]*/cmdline';
      const search = (text: string): string =>
        `a=${start} b=${end}; grep -rlsaF "${text}" ${places} 2> /dev/null || true`;
      expect(await said(made, search('$a$b'))).toBe('');
      expect(await said(made, search('kept-by-devforge'))).toContain('/dev/shm/');
      expect(JSON.stringify(await server.engine.inspect(made.dockerId!))).not.toContain(model.credential);

      const two = ok(await store({ kind: 'claude_oauth_token', value: `${CANARY}-2` }));
      ok(await request(server.api, 'PATCH', `/api/containers/${made.id}`, { credentials: [two.id] }));
      await until('the program has the other one', async () =>
        (await said(made, 'cat /dev/shm/devforge-agent.env 2> /dev/null || true')).startsWith(
          'CLAUDE_CODE_OAUTH_TOKEN=',
        ),
      );
      ok(await server.api.remove(made.id));
    }, 120_000);

    it('clone, pull and push over HTTPS with a token that is nowhere inside, until it is taken away', async () => {
      const { username, password } = git.credentials;
      const host = `${git.host}:${git.https.port}`;
      const token = ok(await store({ kind: 'git_https_token', host, username, value: password }));
      const made = ok(
        await create({
          credentials: [token.id],
          egress: 'restricted',
          egressSets: ['git'],
          repoType: 'clone',
          repoUrl: git.url('https', 'secret'),
        }),
      );
      expect(made).toMatchObject({ status: 'running', statusReason: null });
      const push =
        'git commit -q --allow-empty -m "With a token" && git push -q && git pull -q && git config remote.origin.url';
      expect(await said(made, push)).toBe(git.url('https', 'secret'));
      expect((await git.log('secret'))[0]).toMatchObject({ subject: 'With a token' });
      expect(await said(made, `grep -rlsaF ${password.slice(0, 10)} /workspace /home /tmp /run /etc || true`)).toBe('');
      ok(await request(server.api, 'PATCH', `/api/containers/${made.id}`, { credentials: [] }));
      const refused = await server.engine.exec(made.dockerId!, ['git', '-C', '/workspace', 'fetch'], { user: '1000' });
      expect(refused.exitCode).not.toBe(0);
      ok(await server.api.remove(made.id));
    }, 120_000);

    it('of a user leave the gateway within seconds when the user leaves the project', async () => {
      const eve = await newSignedInUser(server.api, {
        email: 'eve@example.org',
        projects: { [DEFAULT_PROJECT]: 'member' },
      });
      const { username, password } = git.credentials;
      const host = `${git.host}:${git.https.port}`;
      const own = ok(await store({ kind: 'git_https_token', host, username, value: password }, eve.api));
      const repository = { repoType: 'clone', repoUrl: git.url('https', 'secret'), egress: 'restricted' } as const;
      const { id } = ok(await create({ ...repository, credentials: [own.id] }, eve.api));
      const made = await server.api.waitForStatus(id, 'running');
      await said(made, 'git fetch');
      ok(await server.api.request('DELETE', `/api/projects/${DEFAULT_PROJECT}/members/${eve.user.id}`));
      const fetch = ['git', '-C', '/workspace', 'fetch'];
      await until(
        'it is taken away',
        async () => (await server.engine.exec(made.dockerId!, fetch, { user: '1000' })).exitCode !== 0,
        WITHDRAWAL_MS,
      );
      ok(await server.api.remove(id));
    }, 90_000);

    it('of a user end with the membership of the user, and with the user', async () => {
      const own = ok(await store({ kind: 'ssh_key', value: keyText }, ada.api));
      const { id } = ok(await create({ credentials: [own.id] }, ada.api));
      const made = await server.api.waitForStatus(id, 'running');
      expect(await said(made, 'ssh-add -l')).toContain(own.fingerprint);
      // Somebody else may go on with what the container has, and not take it elsewhere.
      ok(await request(server.api, 'PATCH', `/api/containers/${id}`, { credentials: [own.id] }));
      const membership = `/api/projects/${DEFAULT_PROJECT}/members/${ada.user.id}`;
      ok(await server.api.request('DELETE', membership));
      ok(await server.api.stop(id));
      const started = ok(await server.api.start(id));
      expect(await said(started, 'ssh-add -l 2>&1 || true')).not.toContain(own.fingerprint);
      ok(await server.api.request('DELETE', `/api/users/${ada.user.id}`));
      expect(ok(await server.api.get(id)).credentials).toEqual([]);
      expect((await request(server.api, 'GET', `/api/credentials/${own.id}`)).status).toBe(404);
      ok(await server.api.remove(id));
    }, 90_000);
  });

  describe('at rest', () => {
    let container: Container;
    let credential: Credential;
    const fetches = async (): Promise<void> => {
      ok(await server.api.stop(container.id));
      container = ok(await server.api.start(container.id));
      await said(container, 'git fetch');
    };
    const keyFile = (): string => join(server.devforge.dataDir, 'secrets-key');

    beforeAll(async () => {
      credential = ok(await store({ kind: 'ssh_key', value: keyText }));
      const repository = { repoType: 'clone', repoUrl: git.url('ssh', 'secret') } as const;
      container = ok(await create({ ...repository, credentials: [credential.id] }));
    }, 60_000);

    it('are encrypted anew with the first key of the settings, and need the earlier ones no longer', async () => {
      expect((await stat(keyFile())).mode & 0o777).toBe(0o600);
      const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')];
      await server.devforge.restart({ SECRETS_KEY: first });
      expect(server.devforge.log()).toMatch(/"[1-9]\d* credentials were encrypted anew"/);
      await rm(keyFile());
      await fetches();
      await server.devforge.restart({ SECRETS_KEY: `${second},${first}` });
      await server.devforge.restart({ SECRETS_KEY: second });
      await fetches();
      // Without its key nobody reads it, and it is there again with the key.
      await server.devforge.restart({ SECRETS_KEY: first });
      expect(server.devforge.log()).toMatch(/"[1-9]\d* credentials cannot be decrypted/);
      ok(await server.api.stop(container.id));
      expect(problem(await server.api.start(container.id))).toMatchObject({
        status: 500,
        code: 'credential_unreadable',
        detail: expect.stringContaining('SECRETS_KEY'),
      });
      await server.devforge.restart({ SECRETS_KEY: second });
      ok(await server.api.start(container.id));
      await fetches();
      for (const secret of [first, second]) expect(server.devforge.log()).not.toContain(secret);
    }, 180_000);

    it('are nowhere in clear: not in answers, events, metrics, the log and the files of the database', async () => {
      const needles = [CANARY, keyText.split('\n').at(-4)!];
      const metrics = ok(await server.api.request<string>('GET', '/metrics'));
      const texts = [
        ...answers,
        JSON.stringify(await auditOf(server.api)),
        metrics,
        JSON.stringify(ok(await server.api.get(container.id))),
        server.devforge.log(),
      ];
      expect(answers.length).toBeGreaterThan(50);
      for (const needle of needles) expect(texts.filter((text) => text.includes(needle))).toEqual([]);
      await server.devforge.stop();
      const found = async (needle: string): Promise<string> =>
        (await run('grep', ['-rlaF', needle, server.devforge.dataDir]).catch(({ stdout }) => ({ stdout }))).stdout;
      for (const needle of needles) expect(await found(needle)).toBe('');
      // What is stored in clear is found.
      expect(await found(credential.name)).not.toBe('');
    }, 60_000);
  });
});
