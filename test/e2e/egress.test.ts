/** What a restricted workspace reaches, with secrets that it never sees, and while its gateway is killed. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import Docker from 'dockerode';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type EgressRule,
  MODEL_API_URL,
  NO_SECRETS,
  type WorkspaceEgress,
  type WorkspaceSecrets,
} from '../../src/drivers/workspace-egress.js';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { EgressRoom } from '../support/egress/egress-room.js';
import { hashOfBytes, Listeners } from '../support/egress/listeners.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { type GitServers, startGitServers } from '../support/git/git-servers.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { bash, say } from '../support/messages-api/replies.js';

const CLAUDE_MS = 120_000;
/** What Claude Code gets instead of a key. */
const PLACEHOLDER = 'sk-ant-api03-kept-by-the-gateway';
const KILLS_MS = 60_000;

describe('egress of workspaces', () => {
  let room: EgressRoom;
  let listeners: Listeners;
  let git: GitServers;
  let messages: MessagesApi;
  let onTestEnd = (): void => undefined;

  const restricted = (...rules: EgressRule[]): WorkspaceEgress => ({ mode: 'restricted', allow: rules });
  const toHost = (...ports: number[]): WorkspaceEgress => restricted({ host: room.host, ports });
  const fetched = async (ref: WorkspaceRef, port: number, options = ''): Promise<string> =>
    (await room.run(ref, `curl -sS -m 20 ${options} http://${room.host}:${port}/`)).stdout;

  beforeAll(async () => {
    git = await startGitServers();
    room = await EgressRoom.open([git.host]);
    listeners = await Listeners.open(room.host);
    messages = await startMessagesApi();
    await git.createRepository('secret', { private: true, files: { 'a.txt': 'one\n' } });
    // The gateway exists once there is a workspace.
    await room.workspace({ mode: 'none', allow: [] });
    room.watchDenials();
  }, IMAGE_BUILD_MS);

  afterEach(() => onTestEnd());
  afterAll(async () => {
    await room.close();
    await Promise.all([listeners.close(), git.close(), messages.close()]);
  });

  describe('a change of the policy', () => {
    it('takes effect at once in a workspace that runs, both ways, and ends what is not allowed any more', async () => {
      const ref = await room.workspace(toHost(listeners.httpsPort, listeners.httpPort));
      const tunnel = room.python<number>(
        ref,
        `
import json, socket, ssl, time
s = socket.create_connection(('127.0.0.1', 3128))
s.sendall(b'CONNECT ${room.host}:${listeners.httpsPort} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); s.recv(4096)
t = ssl._create_unverified_context().wrap_socket(s)
open('/tmp/connected', 'w').close()
try: t.recv(1)
except OSError: pass
print(json.dumps(time.time()))
`,
      );
      await room.run(ref, 'until [ -e /tmp/connected ]; do sleep 0.05; done');
      await expect(fetched(ref, listeners.httpPort)).resolves.toBe('reached\n');
      const changedAt = Date.now();
      await room.driver.setEgress(ref.id, restricted());
      expect((await tunnel) * 1_000 - changedAt).toBeLessThan(1_000);
      await expect(fetched(ref, listeners.httpPort)).resolves.toContain('not allowed');
      await room.driver.setEgress(ref.id, toHost(listeners.httpPort));
      await expect(fetched(ref, listeners.httpPort)).resolves.toBe('reached\n');
      await room.driver.setEgress(ref.id, { mode: 'none', allow: [{ host: room.host, ports: [listeners.httpPort] }] });
      await expect(fetched(ref, listeners.httpPort)).resolves.toContain('not allowed');
      // Opened while it runs, it goes on through the gateway; its next start gives it an interface.
      const open: WorkspaceEgress = { mode: 'open', allow: [] };
      await room.driver.setEgress(ref.id, open);
      await expect(fetched(ref, listeners.httpPort)).resolves.toBe('reached\n');
      await room.driver.stop(ref.id, 5);
      const again = await room.startAgain(ref, open);
      await expect(fetched(again, listeners.httpPort, '--noproxy "*"')).resolves.toBe('reached\n');
      expect((await room.run(again, 'env | grep -i proxy')).stdout).toBe('');
    });

    it('takes the network from an open workspace that runs, and from the same one when it is started again', async () => {
      const ref = await room.workspace({ mode: 'open', allow: [] });
      await expect(fetched(ref, listeners.httpPort)).resolves.toBe('reached\n');
      const wanted = toHost(listeners.httpsPort);
      await room.driver.setEgress(ref.id, wanted);
      expect((await room.run(ref, `curl -sS -m 5 http://${room.host}:${listeners.httpPort}/`)).exitCode).not.toBe(0);
      // What starts from now on knows the way, in whatever way it is started.
      const variables = "env | grep -iE 'proxy|java' | sort";
      const shells = await room.run(ref, `bash -ic "${variables}" 2>/dev/null; echo; bash -lc "${variables}"; echo`);
      const [interactive, login] = shells.stdout.split('\n\n');
      const byExec = (await room.execute(ref, ['sh', '-c', variables])).trim();
      const wholly = await room.run(await room.workspace(wanted), variables);
      expect([interactive, login, byExec]).toEqual(Array<string>(3).fill(wholly.stdout.trim()));
      expect(byExec).toContain('https_proxy=http://127.0.0.1:3128');
      const curl = `curl -sS -k -x http://127.0.0.1:3128 https://${room.host}:${listeners.httpsPort}/`;
      await expect(room.run(ref, curl)).resolves.toMatchObject({ stdout: 'reached\n' });
      await room.run(ref, 'echo kept > /workspace/file');
      await room.driver.stop(ref.id, 5);
      const again = await room.startAgain(ref, wanted);
      expect((await room.run(again, 'ls /sys/class/net; cat /workspace/file')).stdout).toBe('lo\nkept\n');
      const direct = `curl -sS -k https://${room.host}:${listeners.httpsPort}/`;
      await expect(room.run(again, direct)).resolves.toMatchObject({ stdout: 'reached\n' });
    });
  });

  it.each([
    ['TLS', 'https', 'bytes'],
    ['plain HTTP', 'http', 'bytes'],
    ['plain HTTP of a known length', 'http', 'length'],
  ] as const)(
    'carries large transfers over %s unchanged, many at once, and ends them with their rule',
    async (_, scheme, form) => {
      const port = scheme === 'https' ? listeners.httpsPort : listeners.httpPort;
      const ref = await room.workspace(toHost(port));
      const [bytes, count] = [40_000_123, 8];
      const url = `${scheme}://${room.host}:${port}/${form}`;
      const sums = await room.run(
        ref,
        `for i in $(seq ${count}); do curl -sSk ${url}/${bytes} | sha256sum & done; wait`,
      );
      expect(sums.stdout.trim().split('\n')).toEqual(Array<string>(count).fill(`${hashOfBytes(bytes)}  -`));
      // One after the other, as clients do that would like to keep their connection.
      const again = await room.run(ref, `curl -sSk ${url}/${bytes} ${url}/3000000 ${url}/10 ${url}/10 | wc -c`);
      expect(Number(again.stdout)).toBe(bytes + 3_000_020);
      const endless = room.run(
        ref,
        `curl -sSk ${url}/${10 ** 12} | head -c 50000000 > /dev/null; touch /tmp/large; curl -sSk ${url}/${10 ** 12} > /dev/null; date +%s%3N`,
      );
      await room.run(ref, 'until [ -e /tmp/large ]; do sleep 0.05; done; sleep 0.5');
      const changedAt = Date.now();
      await room.driver.setEgress(ref.id, restricted());
      expect(Number((await endless).stdout) - changedAt).toBeLessThan(1_000);
    },
  );

  it('carries of a large answer what it announces, and no second request to its server', async () => {
    const [length, extra] = [5_000_000, 1_000_000];
    const requests: string[] = [];
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket
        .on('error', () => undefined)
        .on('data', (bytes) => {
          requests.push(String(bytes));
          if (requests.length > 1) return;
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
          socket.write(Buffer.alloc(length + extra, 'x'));
        });
    }).listen(0, '0.0.0.0');
    await once(server, 'listening');
    onTestEnd = () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    const { port } = server.address() as AddressInfo;
    const ref = await room.workspace(toHost(port));
    const got = await room.python<{ body: number; close: boolean }>(
      ref,
      `
import json, socket, time
s = socket.create_connection(('127.0.0.1', 3128), timeout=20)
ask = b'GET http://${room.host}:${port}/%d HTTP/1.1\\r\\nHost: ${room.host}:${port}\\r\\n\\r\\n'
s.sendall(ask % 1)
answer = b''
while True:
    chunk = s.recv(65536)
    if not chunk: break
    if len(answer) < 4000000 <= len(answer) + len(chunk): s.sendall(ask % 2 + b'GET /direct HTTP/1.1\\r\\nHost: strange.test\\r\\n\\r\\n')
    answer += chunk
head, body = answer.split(b'\\r\\n\\r\\n', 1)
print(json.dumps({'body': len(body), 'close': b'onnection: close' in head}))
`,
    );
    expect(got).toEqual({ body: length, close: true });
    expect(requests.map((each) => each.split('\r\n')[0])).toEqual(['GET /1 HTTP/1.1']);
  });

  describe('secrets', () => {
    const secretsOf = (modelUrl: string, key: string, token = 'x'): WorkspaceSecrets => ({
      modelApi: { baseUrl: modelUrl, header: 'x-api-key', value: key },
      git: [{ host: `${git.host}:${git.https.port}`, username: git.credentials.username, token }],
      http: [{ host: `${room.host}:${listeners.httpsPort}`, header: 'authorization', value: `Bearer ${token}` }],
    });

    it(
      'let the real Claude Code work through a turn with a tool, with a key that is nowhere in the workspace',
      async () => {
        const model = messages.model('egress-claude').replyNext(bash('echo worked > /workspace/out.txt'), say('Done.'));
        const env = { ANTHROPIC_BASE_URL: MODEL_API_URL, ANTHROPIC_API_KEY: PLACEHOLDER, CLAUDE_CODE_MAX_RETRIES: '1' };
        const ref = await room.workspace({ mode: 'none', allow: [] }, env);
        const token = randomBytes(16).toString('hex');
        await room.driver.setSecrets(ref.id, secretsOf(model.url, model.credential, token));
        const run = await room.run(
          ref,
          'cd /workspace && git init -q . && claude -p go --permission-mode bypassPermissions < /dev/null; cat out.txt',
        );
        expect(run.stdout).toBe('Done.\nworked\n');
        const credential = { kind: 'api-key', value: model.credential };
        expect(model.turns.map((each) => each.credential)).toEqual([credential, credential]);
        const docker = new Docker();
        const shown = JSON.stringify([await room.inspect(ref), await docker.getContainer(room.gatewayName).inspect()]);
        const logs = (await docker.getContainer(room.gatewayName).logs({ stdout: true, stderr: true })).toString();
        for (const secret of [model.credential, token]) {
          expect(shown).not.toContain(secret);
          expect(logs).not.toContain(secret);
          // Split, so that the search does not find itself.
          const [start, end] = [secret.slice(0, 8), secret.slice(8)];
          const found = await room.run(
            ref,
            `a=${start} b=${end}; grep -rlsaF "$a$b" /workspace /home /var/lib/devforge /tmp /run /dev/shm /etc /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null`,
          );
          expect(found.stdout).toBe('');
        }
      },
      CLAUDE_MS,
    );

    it('pass on the chunks of an answer as they come, and nothing of what the workspace names itself with', async () => {
      const model = messages.model('egress-stream').replyByDefault(say('x'.repeat(400), { chunkDelayMs: 20 }));
      const ref = await room.workspace({ mode: 'none', allow: [] });
      await room.driver.setSecrets(ref.id, secretsOf(model.url, model.credential));
      const { first, last, reads, status } = await room.python<Record<string, number>>(
        ref,
        `
import json, time, urllib.request
body = json.dumps({'model': 'claude-x', 'max_tokens': 10, 'stream': True, 'messages': [{'role': 'user', 'content': 'hi'}], 'tools': [{'name': 't', 'input_schema': {}}]}).encode()
request = urllib.request.Request('${MODEL_API_URL}/v1/messages', body, {'content-type': 'application/json', 'x-api-key': 'mine', 'anthropic-version': '2023-06-01', 'anthropic-beta': 'one,two'})
begun = time.time()
with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
    times = []
    while answer.read1(65536): times.append(time.time() - begun)
print(json.dumps({'first': times[0], 'last': times[-1], 'reads': len(times), 'status': answer.status}))
`,
      );
      expect(status).toBe(200);
      expect(reads).toBeGreaterThan(20);
      expect(first).toBeLessThan(last! / 2);
      expect(model.requests).toHaveLength(1);
      expect(model.requests[0]!.credential).toEqual({ kind: 'api-key', value: model.credential });
    });

    it('clone, pull and push over HTTPS with a token, and reach nothing else of the host', async () => {
      const model = messages.model('egress-git');
      const ref = await room.workspace(toHost(git.https.port));
      await room.driver.setSecrets(ref.id, secretsOf(model.url, 'k', git.credentials.password));
      const url = git.url('https', 'secret');
      const worked = await room.run(
        ref,
        `git clone -q ${url} /workspace/r && cd /workspace/r && echo two >> a.txt && git commit -qam Second && git push -q && git pull -q && cat a.txt && git remote -v | head -1`,
      );
      expect(worked.stdout).toContain('one\ntwo\n');
      expect(worked.exitCode).toBe(0);
      expect(worked.stdout).not.toContain(git.credentials.password);
      expect((await git.log('secret')).map(({ subject }) => subject)).toContain('Second');
      const gateway = `http://127.0.0.1:3128/git/${git.host}:${git.https.port}`;
      const code = "curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' --path-as-is";
      const tried = [`${gateway}/api/v4/user`, `${gateway}/secret/../api/info/refs/x`, `${gateway}`];
      for (const each of tried) expect((await room.run(ref, `${code} ${each}`)).stdout).toBe('404');
      await room.driver.setEgress(ref.id, restricted());
      expect((await room.run(ref, 'cd /workspace/r && git fetch')).stderr).toContain('403');
      await room.driver.setSecrets(ref.id, NO_SECRETS);
      await room.driver.setEgress(ref.id, toHost(git.https.port));
      expect((await room.run(ref, 'cd /workspace/r && GIT_TERMINAL_PROMPT=0 git fetch')).exitCode).not.toBe(0);
    });

    it('add a header for an HTTPS host that a rule allows', async () => {
      const ref = await room.workspace(toHost(listeners.httpsPort));
      await room.driver.setSecrets(ref.id, secretsOf('http://127.0.0.1:1', 'k', 'canary-of-http'));
      listeners.seen.length = 0;
      const url = `http://127.0.0.1:3128/http/${room.host}:${listeners.httpsPort}/api?x=1`;
      const { stdout } = await room.run(
        ref,
        `curl -sS --noproxy '*' -H 'Authorization: mine' -H 'X-Other: kept' ${url}`,
      );
      expect(stdout).toBe('reached\n');
      expect(listeners.seen).toMatchObject([
        { url: '/api?x=1', headers: { authorization: 'Bearer canary-of-http', 'x-other': 'kept' } },
      ]);
      // A redirect within the host keeps the credential, one to another host loses it.
      const redirects = [
        `/after?y=2`,
        `https://${room.host}:${listeners.httpsPort}/after?y=2`,
        'https://strange.test/',
      ];
      const leads = redirects.map(
        (to) => `${new URL(url).origin}/http/${room.host}:${listeners.httpsPort}/redirect/${encodeURIComponent(to)}`,
      );
      const led = await room.run(
        ref,
        leads.map((each) => `curl -sS --noproxy '*' -o /dev/null -w '%{redirect_url}\\n' ${each}`).join(';'),
      );
      const kept = `http://127.0.0.1:3128/http/${room.host}:${listeners.httpsPort}/after?y=2`;
      expect(led.stdout.trim().split('\n')).toEqual([kept, kept, 'https://strange.test/']);
    });
  });

  it('carries SSH to a host that a rule allows, and to no other', async () => {
    const ref = await room.workspace(toHost(git.ssh.port));
    const ssh = (port: number): string => `ssh -p ${port} -o ConnectTimeout=20 nobody@${room.host} true`;
    expect((await room.run(ref, ssh(git.ssh.port))).stderr).toContain('Permission denied (publickey)');
    expect((await room.run(ref, ssh(listeners.canaryPort))).stderr).toContain('403');
    expect(listeners.reached).toEqual([]);
  });

  it(
    'goes on after its gateway was killed: with the policy and the denials, and with secrets once they are set again',
    async () => {
      const model = messages.model('egress-kill').replyByDefault(say('Still here.'));
      const ref = await room.workspace(toHost(listeners.httpPort));
      const secrets = { ...NO_SECRETS, modelApi: { baseUrl: model.url, header: 'x-api-key', value: model.credential } };
      await room.driver.setSecrets(ref.id, secrets);
      await fetched(ref, listeners.canaryPort);
      await room.denial(ref, room.host, listeners.canaryPort);
      await room.killGateway();
      await expect(fetched(ref, listeners.httpPort)).resolves.toBe('reached\n');
      await room.run(ref, 'curl -sS http://later.test/');
      await expect(room.denial(ref, 'later.test', 80)).resolves.toMatchObject({ seq: 2 });
      const body = `'{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'`;
      const asked = room.run(
        ref,
        `curl -sS --noproxy '*' -H 'content-type: application/json' -d ${body} ${MODEL_API_URL}/v1/messages`,
      );
      await delay(500);
      expect(model.requests).toEqual([]);
      await room.driver.setSecrets(ref.id, secrets);
      expect((await asked).stdout).toContain('"type":"message"');
      expect(model.requests).toHaveLength(1);
      expect(listeners.reached).toEqual([]);
    },
    KILLS_MS,
  );

  it('keeps the packages that an image knows of from its own configuration', async () => {
    const rules = await room.driver.packageRules(room.image);
    expect(rules.length).toBeGreaterThanOrEqual(3);
    for (const { host, ports } of rules) {
      expect(host).toMatch(/^[a-z0-9.-]+$/);
      expect(ports.length).toBeGreaterThan(0);
    }
  });
});
