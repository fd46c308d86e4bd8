/** What people and agents do in a container that is not open: with the tools that are there, and with DevForge itself. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { ok } from '../support/api/client.js';
import type { Container, CreateContainer, CreateCredential, Credential, EgressDenial } from '../support/api/types.js';
import { FilesClient } from '../support/e2e/files-client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { startMirror } from '../support/editor/mirror.js';
import { siteHelpers } from '../support/editor/site-helpers.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import type { GitServers } from '../support/git/git-servers.js';
import { SocketClient } from '../support/sockets/socket-client.js';
import { TerminalClient } from '../support/terminals/terminal-client.js';

const TOOL_MS = 120_000;
const TEST_MS = 300_000;
/** apt without root: lists and packages in a folder of one's own. */
const APT = 'apt-get -o Dir::State::Lists=/tmp/apt/lists -o Dir::Cache=/tmp/apt/cache -o Debug::NoLocking=1 -qq';
const APT_UPDATE = `mkdir -p /tmp/apt/lists/partial /tmp/apt/cache/archives/partial && ${APT} -o APT::Update::Error-Mode=any update`;

interface Result {
  exitCode: number;
  stdout: string;
  stderr: string;
}

describe('in a container that is not open', () => {
  let server: TestServer;
  let git: GitServers;
  const sites = siteHelpers(() => server);

  const create = async (body: Partial<CreateContainer>): Promise<Container> => {
    const wanted = { name: uniqueName('tools'), template: 'claude' as const, memoryLimit: 1024, ...body };
    const made = ok(await server.api.create(wanted, { prefer: 'wait=120' }));
    expect(made).toMatchObject({ status: 'running', statusReason: null });
    return made;
  };
  const run = async ({ id }: Container, script: string): Promise<Result> =>
    ok(
      await server.api.request<Result>('POST', `/api/containers/${id}/exec`, {
        body: { command: ['bash', '-c', script], timeoutSeconds: TOOL_MS / 1_000 },
      }),
    );
  const said = async (container: Container, script: string): Promise<string> => {
    const result = await run(container, script);
    expect({ script, ...result }).toEqual({
      ...result,
      script,
      exitCode: 0,
      ...(result.exitCode === 0 ? {} : { stderr: '' }),
    });
    return result.stdout.trim();
  };
  const change = async ({ id }: Container, body: object): Promise<void> =>
    void ok(await server.api.request('PATCH', `/api/containers/${id}/egress`, { body }));
  const denials = async ({ id }: Container): Promise<EgressDenial[]> =>
    ok(await server.api.request<{ items: EgressDenial[] }>('GET', `/api/containers/${id}/egress/denials`)).items;
  const store = async (body: Partial<CreateCredential>): Promise<string> => {
    const answer = await server.api.request<Credential>('POST', '/api/credentials', {
      body: { name: uniqueName('credential'), ...body },
    });
    return ok(answer).id;
  };

  beforeAll(async () => {
    const bridge = (await dockerBridgeAddress())!;
    server = await startTestServer({ EGRESS_PRIVATE_HOSTS: bridge });
    git = await gitFixture(server);
    await ensureImages(server, 'claude', 'both');
    // In networks with mirrors of their own, what package managers load from has private addresses.
    const program = 'python3 -IS /usr/local/lib/devforge/tools/package_hosts.py';
    const hosts = JSON.parse(await said(await create({}), program)) as { host: string }[];
    await server.devforge.restart({ EGRESS_PRIVATE_HOSTS: [bridge, ...hosts.map(({ host }) => host)].join(',') });
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  describe.each([
    [
      'npm',
      'cd $(mktemp -d) && npm install --no-audit --no-fund --fetch-retries=0 is-odd && ls node_modules',
      'is-odd',
    ],
    ['pip', 'cd $(mktemp -d) && pip install --retries 0 --target . six && ls', 'six.py'],
    ['apt', `${APT_UPDATE} && cd /tmp/apt && ${APT} download hello && ls`, 'hello_'],
  ])('%s', (_name, install, expected) => {
    it(
      'is refused with the rules that it lacks, and works with them or with the set of package managers',
      async () => {
        const container = await create({ mode: 'autonomous' });
        expect((await run(container, install)).exitCode).not.toBe(0);
        const missing = await until('the denials', async () => {
          const found = await denials(container);
          return found.length > 0 && found;
        });
        expect(missing.every(({ reason, rule }) => reason === 'not_allowed' && rule !== null)).toBe(true);
        await change(container, { egressSets: ['git', 'model', 'packages'] });
        expect(await said(container, install)).toContain(expected);

        // The set can be spelt out: with the rules of the denials, of which one may lead to the next.
        await change(container, { egressSets: [] });
        await until(
          'the rules are enough',
          async () => {
            const rules = (await denials(container)).map(({ rule }) => rule!);
            await change(container, {
              egressAllow: [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()],
            });
            return (await run(container, `rm -rf /tmp/apt ~/.npm ~/.cache/pip; ${install}`)).exitCode === 0;
          },
          TOOL_MS,
        );
      },
      TEST_MS,
    );
  });

  describe('git', () => {
    it(
      'clones, fetches and pushes over HTTPS and Git LFS with a token that is not inside, and not without the rule',
      async () => {
        const { username, password } = git.credentials;
        const host = `${git.host}:${git.https.port}`;
        const token = await store({ kind: 'git_https_token', host, username, value: password });
        const container = await create({
          mode: 'autonomous',
          credentials: [token],
          repoType: 'clone',
          repoUrl: git.url('https', 'secret'),
          egressSets: ['git', 'packages'],
        });
        // No root, no sudo: the package is unpacked in the home.
        await said(container, `${APT_UPDATE} && cd /tmp/apt && ${APT} download git-lfs && dpkg -x git-lfs_*.deb ~/lfs`);
        const lfs = 'export PATH=$PATH:~/lfs/usr/bin && cd /workspace &&';
        const content = randomBytes(64).toString('hex');
        await said(
          container,
          `${lfs} git lfs install --local && git lfs track '*.bin' && echo ${content} > large.bin && git add -A && git commit -qm Large && git push -q`,
        );
        expect((await git.log('secret'))[0]).toMatchObject({ subject: 'Large' });
        expect([...git.https.lfs.objects.values()].map(String)).toEqual([`${content}\n`]);
        const clone = `${lfs} cd $(mktemp -d) && git lfs install --skip-repo > /dev/null && git clone -q ${git.url('https', 'secret')} . && cat large.bin`;
        expect(await said(container, clone)).toBe(content);
        const search = `grep -rlsaF ${password.slice(0, 10)}"${password.slice(10)}" /workspace /home /tmp /run /etc || true`;
        expect(await said(container, search)).toBe('');

        await change(container, { egressSets: ['packages'] });
        const refused = await run(container, 'cd /workspace && git fetch');
        expect(refused.stderr).toContain(JSON.stringify({ host: git.host, ports: [git.https.port] }));
        await change(container, { egressAllow: [{ host: git.host, ports: [git.https.port] }] });
        await said(container, 'cd /workspace && git fetch');
      },
      TEST_MS,
    );

    it(
      'clones, fetches and pushes over SSH with a key that is not inside, and not without the rule',
      async () => {
        const container = await create({
          mode: 'autonomous',
          repoType: 'clone',
          repoUrl: git.url('ssh', 'secret'),
          sshKeyPath: server.key.privateKeyPath,
        });
        const push = 'cd /workspace && git fetch && git commit -q --allow-empty -m "Over SSH" && git push -q';
        await said(container, push);
        expect((await git.log('secret'))[0]).toMatchObject({ subject: 'Over SSH' });
        await change(container, { egressSets: ['model'] });
        const refused = await run(container, 'cd /workspace && git fetch');
        expect(refused.stderr).toContain(JSON.stringify({ host: git.host, ports: [git.ssh.port] }));
        await change(container, { egressAllow: [{ host: git.host, ports: [git.ssh.port] }] });
        await said(container, push);
      },
      TEST_MS,
    );
  });

  it.each(['restricted', 'none'] as const)(
    'with the egress %s, VS Code, previews, terminals, files, commands, logs and metrics work as in an open one',
    async (egress) => {
      const container = await create({ template: 'both', egress, egressSets: [] });
      await startMirror(server.engine, container);
      expect(await said(container, 'ls /sys/class/net')).toBe('lo');

      const editor = await sites.signedIn(container);
      const page = await editor.request(`${sites.editorOf(container)}/?folder=/workspace`);
      expect([page.status, page.body.includes('vscode-workbench')]).toEqual([200, true]);
      const [, commit = 'unknown'] = /\/stable-([0-9a-f]{40})\//.exec(page.body) ?? [];
      const upgraded = await editor.upgrade(
        `${sites.editorOf(container)}/stable-${commit}?reconnectionToken=${container.id}&skipWebSocketFrames=false`,
      );
      expect(upgraded.status).toBe(101);
      upgraded.socket!.destroy();
      const preview = await sites.signedIn(container, 4000);
      expect((await preview.request(`${sites.previewOf(container, 4000)}/page`)).body).toContain('"url":"/page"');
      const { socket: echo } = await preview.upgrade(`${sites.previewOf(container, 4000)}/ws`);
      echo!.write('echoed');
      await expect(new Promise((heard) => echo!.once('data', (bytes: Buffer) => heard(String(bytes))))).resolves.toBe(
        'echoed',
      );
      echo!.destroy();

      const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
      const terminal = await TerminalClient.open(client, container.id);
      await terminal.shows(/\$ *$/m);
      await terminal.type('echo answer-$((6 * 7))\r');
      await terminal.shows('answer-42');
      await expect(client.ask('subscribe:metrics', { containerId: container.id, interval: 500 })).resolves.toEqual({
        ok: true,
      });
      await until('metrics', () => client.all('metrics:update').length > 1);
      client.socket.close();

      const files = new FilesClient(server.devforge.url, server.devforge.token, container.id);
      expect((await files.put('notes.md', 'written')).status).toBe(201);
      expect(String((await files.get('notes.md')).bytes)).toBe('written');
      const logs = await server.api.request<{ lines: object[] }>('GET', `/api/containers/${container.id}/logs`);
      expect(ok(logs).lines.length).toBeGreaterThan(0);
      // Whatever VS Code asked for of its own accord was refused.
      expect((await denials(container)).every(({ reason }) => reason === 'not_allowed')).toBe(true);
    },
    TEST_MS,
  );
});
