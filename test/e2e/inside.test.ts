import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { ExecResult } from '../support/api/engine.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

const MIB = 1024 * 1024;
const MB = 1_000_000;

describe('inside a workspace', () => {
  let server: TestServer;
  let both: Container;
  let small: Container;
  let greedy: Container;
  let greed: Promise<ExecResult>;

  const running = async (extra: Partial<CreateContainer>): Promise<Container> =>
    ok(await server.api.create({ name: uniqueName(), template: 'claude', ...extra }, { prefer: 'wait=60' }));
  const inside = (container: Container, script: string, timeoutMs = 60_000): Promise<ExecResult> =>
    server.engine.exec(container.dockerId!, ['bash', '-c', script], { timeoutMs });
  const said = async (container: Container, script: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await inside(container, script);
    expect({ script, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ script, exitCode: 0, stderr: '' });
    return stdout.trim();
  };
  const addressOf = async ({ dockerId }: Container): Promise<string> => {
    const { NetworkSettings } = await server.engine.inspect(dockerId!);
    return Object.values(NetworkSettings.Networks)[0]!.IPAddress;
  };

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'both', 'claude', 'vscode');
    [both, small, greedy] = await Promise.all([
      running({ template: 'both', memoryLimit: 1024, cpuLimit: 1.5, env: { GREETING: 'grüß dich; $(id)' } }),
      running({ template: 'claude', memoryLimit: 192, cpuLimit: 0.5 }),
      running({ template: 'claude', diskLimit: 256 }),
    ]);
    // Early, since a limit that is measured is not measured all the time.
    greed = inside(greedy, 'head -c 320M /dev/zero > /workspace/big && sync');
    greed.catch(() => undefined);
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  describe('the tools', () => {
    it('run as an ordinary user with uid 1000', async () => {
      expect(await said(both, 'id -u; id -g; id -un; pwd; echo $HOME')).toBe('1000\n1000\ndev\n/workspace\n/home/dev');
    });

    it('include unmodified Claude Code and Node 24', async () => {
      const version = await said(both, 'claude --version');
      expect(version).toMatch(/^\d+\.\d+\.\d+ \(Claude Code\)$/);
      const packaged = await said(both, 'cat /usr/local/lib/node_modules/@anthropic-ai/claude-code/package.json');
      expect(version).toBe(`${(JSON.parse(packaged) as { version: string }).version} (Claude Code)`);
      expect(await said(both, 'node --version')).toMatch(/^v24\./);
      expect(await said(both, 'npm --version')).toMatch(/^\d+\./);
    });

    it.each([
      ['git --version', /^git version 2\./],
      ['rg --version', /^ripgrep \d+/],
      ['tmux -V', /^tmux \d/],
      ['curl --version', /^curl \d/],
      ['jq --version', /^jq-\d/],
      ['less --version', /^less \d/],
      ['vim --version', /^VIM - Vi IMproved \d/],
      ['pip --version && pip3 --version && python3 -m pip --version', /^(pip \d+\..*\n?){3}$/],
      ['ssh -V 2>&1', /^OpenSSH_/],
    ])(
      'answers to %s',
      async (command, expected) => {
        expect(await said(both, command)).toMatch(expected);
        expect(await said(small, command)).toMatch(expected);
      },
      120_000,
    );

    it('install packages of Python for the user, and into virtual environments', async () => {
      // A package as small as one can be, since a test uses no index.
      await said(
        both,
        `cd /tmp && python3 - <<'END'
import zipfile
with zipfile.ZipFile('greeting-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('greeting.py', 'print(__file__)')
    wheel.writestr('greeting-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n')
    wheel.writestr('greeting-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('greeting-1.0.dist-info/RECORD', '')
END`,
      );
      const install = 'pip install --quiet --no-index /tmp/greeting-1.0-py3-none-any.whl && python3 -m greeting';
      expect(await said(both, install)).toBe('/home/dev/.local/lib/python3.11/site-packages/greeting.py');
      const inVenv = `cd /tmp && python3 -m venv venv && . venv/bin/activate && ${install}`;
      expect(await said(both, inVenv)).toBe('/tmp/venv/lib/python3.11/site-packages/greeting.py');
    }, 120_000);

    it('use UTF-8, also for environment variables of the client', async () => {
      expect(await said(both, 'locale charmap')).toBe('UTF-8');
      expect(await said(both, 'printf %s "$GREETING"')).toBe('grüß dich; $(id)');
      expect(
        await said(
          both,
          'git init -q /tmp/g && cd /tmp/g && touch grüße && git add . && git -c core.quotePath=false status --porcelain',
        ),
      ).toBe('A  grüße');
    });

    it('run nothing of a repository that is only looked at', async () => {
      const hidden = '/workspace/nested';
      await said(
        both,
        `git init -q --bare ${hidden} && git -C ${hidden} --git-dir=. config core.fsmonitor 'touch /tmp/ran; false' && git -C ${hidden} --git-dir=. config core.bare false && git -C ${hidden} --git-dir=. config core.worktree .`,
      );
      const { exitCode, stderr } = await inside(both, `cd ${hidden} && git status`);
      expect({ exitCode, stderr }).toEqual({ exitCode: 128, stderr: expect.stringContaining('safe.bareRepository') });
      expect((await inside(both, `rm -r ${hidden}; ls /tmp/ran`)).exitCode).not.toBe(0);
      const settings = JSON.parse(await said(both, 'cat ~/.local/share/code-server/User/settings.json')) as object;
      // A setting of the application, which a repository cannot change.
      expect(settings).toMatchObject({ 'task.allowAutomaticTasks': 'off', 'security.workspace.trust.enabled': false });
    });

    it('keep a shell alive in tmux', async () => {
      await said(both, 'tmux new-session -d -s t "sleep 60"');
      expect(await said(both, 'tmux ls')).toMatch(/^t: 1 windows/);
      await said(both, 'tmux kill-server');
    });

    it('run instructions, and refuse them in templates without Claude Code', async () => {
      const id = '0b9c2a4e-7d1f-4c55-9b0e-3f7a6d2c1e00';
      expect(await inside(small, `devforge-instruction follow ${id} 0 < /dev/null`)).toMatchObject({
        exitCode: 3,
        stdout: 'devforge-instruction 2\n',
      });
      const vscode = await running({ template: 'vscode' });
      const request = JSON.stringify({
        prompt: 'Hello',
        cwd: '/workspace',
        permissionMode: 'bypassPermissions',
        newSessionId: id,
      });
      const [greeting, started, outcome] = (
        await said(vscode, `devforge-instruction start ${id} follow <<< '${request}'`)
      ).split('\n');
      expect(greeting).toBe('devforge-instruction 2');
      expect(started).toBe('{"state":"started"}');
      expect(JSON.parse(outcome!.slice(2))).toMatchObject({ status: 'failed', reason: { code: 'no_claude_code' } });
    });

    it('serve VS Code after devforge-editor start, except in the template without it', async () => {
      await said(both, 'devforge-editor start');
      const health = await said(
        both,
        'curl --silent --fail --unix-socket /tmp/devforge-editor.sock http://editor/healthz',
      );
      expect(JSON.parse(health)).toMatchObject({ status: expect.stringMatching(/^(?:alive|expired)$/) });
      expect((await inside(small, 'devforge-editor start')).exitCode).not.toBe(0);
    }, 60_000);

    it('are those that each template names', async () => {
      const has = async (container: Container, program: string) =>
        (await inside(container, `command -v ${program}`)).exitCode === 0;
      const vscode = await running({ template: 'vscode' });
      expect([await has(vscode, 'claude'), await has(vscode, 'code-server')]).toEqual([false, true]);
      expect([await has(small, 'claude'), await has(small, 'code-server')]).toEqual([true, false]);
      expect([await has(both, 'claude'), await has(both, 'code-server')]).toEqual([true, true]);
      expect(vscode.agent).toEqual({ active: false, state: 'none', since: null, waitingFor: null, modelProblem: null });
      expect([vscode.editorUrl, small.editorUrl, both.editorUrl]).toEqual([
        expect.any(String),
        null,
        expect.any(String),
      ]);
    });

    it('report the state of Claude Code by hooks that the user cannot change', async () => {
      const settings = JSON.parse(await said(small, 'cat /etc/claude-code/managed-settings.json')) as {
        hooks: Record<string, { hooks: { command: string }[] }[]>;
      };
      expect(Object.keys(settings)).toEqual(['hooks']);
      const commands = Object.values(settings.hooks).flatMap((matchers) =>
        matchers.flatMap(({ hooks }) => hooks.map(({ command }) => command)),
      );
      for (const command of commands)
        expect(command).toMatch(/^exec \/usr\/local\/bin\/devforge-agent-hook (?:idle|working|waiting|stopped|none)$/);
      expect(Object.keys(settings.hooks)).toEqual(
        expect.arrayContaining([
          'UserPromptSubmit',
          'PreToolUse',
          'PermissionRequest',
          'PostToolUse',
          'Notification',
          'Stop',
          'SessionEnd',
        ]),
      );
      const modes = await said(
        small,
        'stat -c "%U %a %n" /etc/claude-code /etc/claude-code/* /usr/local/bin/devforge-agent*',
      );
      expect(modes.split('\n')).toEqual([
        'root 755 /etc/claude-code',
        'root 644 /etc/claude-code/managed-settings.json',
        'root 755 /usr/local/bin/devforge-agent-hook',
        'root 755 /usr/local/bin/devforge-agents',
      ]);
      expect((await inside(small, 'devforge-agents')).exitCode).toBe(2);
      expect(await said(small, 'devforge-agents watch < /dev/null')).toBe(
        'devforge-agents 3\n{"state":"none","since":null,"waitingFor":null}',
      );
    });

    it.each([
      ['claude', () => small, 850 * MB],
      ['both', () => both, 1900 * MB],
    ])('comes in an image of template %s that is small enough', async (_, container, limit) => {
      const { Size } = await server.engine.docker.getImage(container().image!).inspect();
      expect(Size).toBeGreaterThan(100 * MB);
      expect(Size).toBeLessThan(limit);
    });
  });

  describe('the limits', () => {
    it('kill only the process that exceeds the memory limit', async () => {
      const { exitCode } = await inside(small, `python3 -c "x = b'x' * (400 << 20); print('survived')"`);
      expect(exitCode).toBe(137);
      expect((await server.engine.inspect(small.dockerId!)).State.Running).toBe(true);
      expect(await said(small, `python3 -c "x = b'x' * (64 << 20); print('fits')"`)).toBe('fits');
      const limit = 'cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes';
      expect(Number(await said(small, limit))).toBe(192 * MIB);
    });

    it('cap the processor time', async () => {
      const burn = `
        const until = Date.now() + 2000;
        while (Date.now() < until);
        const { user, system } = process.cpuUsage();
        console.log((user + system) / 2e6);`;
      expect(Number(await said(small, `node -e '${burn}'`))).toBeLessThan(0.65);
      const quota =
        'cat /sys/fs/cgroup/cpu.max 2>/dev/null || paste -d" " /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us';
      const [most, period] = (await said(both, quota)).split(' ').map(Number);
      expect(most! / period!).toBeCloseTo(1.5);
    });

    it('stop a fork bomb at 512 processes', async () => {
      const bomb = `
import os, signal, time
children = []
try:
    while len(children) < 2000:
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        children.append(pid)
except OSError as error:
    print(error.errno)
print(len(children))
for pid in children:
    os.kill(pid, signal.SIGKILL)
for pid in children:
    os.waitpid(pid, 0)
`;
      const { stdout } = await server.engine.exec(both.dockerId!, ['python3', '-c', bomb], { timeoutMs: 60_000 });
      const [errno, children] = stdout.trim().split('\n').map(Number);
      expect(errno).toBe(11);
      expect(children).toBeGreaterThan(400);
      expect(children).toBeLessThan(512);
      expect(await said(both, 'echo still here')).toBe('still here');
    }, 60_000);

    it('enforce the disk limit and say how', async () => {
      const { exitCode } = await greed;
      const refused = greedy.diskLimitEnforced === 'hard';
      expect(exitCode === 0).toBe(!refused);
      // Where the engine does not refuse the bytes, DevForge measures and stops.
      const measured = await until(
        'it is refused or stopped',
        async () => {
          const container = ok(await server.api.get(greedy.id));
          return (refused || container.status === 'stopped') && container;
        },
        90_000,
      );
      const reason = { code: 'disk_limit_exceeded', message: expect.stringContaining('256 MB') };
      expect(measured).toMatchObject(
        refused ? { status: 'running', statusReason: null } : { status: 'stopped', statusReason: reason },
      );
      expect((await server.engine.inspect(greedy.dockerId!)).State.Running).toBe(refused);
      expect(ok(await server.api.start(greedy.id)).status).toBe('running');
    }, 120_000);
  });

  describe('the isolation', () => {
    it('leaves a neighbour what the kernel counts per user', async () => {
      const take = `
import ctypes, os, time
libc = ctypes.CDLL(None)
inotify = 0
while inotify < 4000 and libc.inotify_init() >= 0:
    inotify += 1
pipes = 0
while pipes < 2000:
    os.pipe()
    pipes += 1
print(inotify, pipes, flush=True)
time.sleep(60)
`;
      await said(
        small,
        `setsid python3 -c '${take}' > /tmp/taken < /dev/null & until [ -s /tmp/taken ]; do sleep 0.1; done`,
      );
      const neighbour = `import ctypes, fcntl, os; print(ctypes.CDLL(None).inotify_init() >= 0, fcntl.fcntl(os.pipe()[0], 1032))`;
      expect(await said(both, `python3 -c '${neighbour}'`)).toBe('True 65536');
      expect(await said(small, 'cat /tmp/taken; pkill -f inotify_init')).toBe('4000 2000');
    });

    it('leaves a process no capability and no way to gain one', async () => {
      const status = await said(both, 'grep -E "^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status');
      const fields = Object.fromEntries(status.split('\n').map((line) => line.split(':\t')));
      const none = '0'.repeat(16);
      expect(fields).toEqual({
        CapInh: none,
        CapPrm: none,
        CapEff: none,
        CapBnd: none,
        CapAmb: none,
        NoNewPrivs: '1',
        Seccomp: '2',
      });
      expect((await inside(both, 'command -v sudo')).exitCode).not.toBe(0);
      expect((await inside(both, 'su -c id root < /dev/null')).exitCode).not.toBe(0);
      expect((await inside(both, 'cat /etc/shadow')).exitCode).not.toBe(0);
      expect((await inside(both, 'unshare --user --map-root-user true')).exitCode).not.toBe(0);
      expect((await inside(both, 'mount -t tmpfs none /mnt')).exitCode).not.toBe(0);
      expect((await inside(both, 'ls /var/run/docker.sock')).exitCode).not.toBe(0);
    });

    it('separates workspaces from each other, while the host reaches both', async () => {
      const serve = `import http.server, socketserver; socketserver.TCPServer(("", 8000), http.server.BaseHTTPRequestHandler).serve_forever()`;
      await said(both, `setsid python3 -c '${serve}' > /tmp/serve.log 2>&1 < /dev/null & sleep 0.2`);
      const address = await addressOf(both);
      const tryFrom = (container: Container) => inside(container, `timeout 3 bash -c '< /dev/tcp/${address}/8000'`);
      await until('it listens', async () => (await tryFrom(both)).exitCode === 0);
      await expect(reaches(address, 8000)).resolves.toBe(true);
      expect((await tryFrom(small)).exitCode).not.toBe(0);
      expect((await inside(small, `timeout 3 bash -c '< /dev/tcp/${both.name}/8000'`)).exitCode).not.toBe(0);
    });

    it('matches the container profile in what the engine reports', async () => {
      const { Config, HostConfig, Mounts, NetworkSettings } = await server.engine.inspect(small.dockerId!);
      expect(Config).toMatchObject({ User: '1000:1000', Hostname: small.name });
      expect(HostConfig).toMatchObject({
        Privileged: false,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        PublishAllPorts: false,
        PidMode: '',
        IpcMode: 'private',
        UsernsMode: '',
        UTSMode: '',
        CgroupnsMode: 'private',
        NetworkMode: 'devforge',
        PidsLimit: 512,
        Memory: 192 * MIB,
        MemorySwap: 192 * MIB,
        NanoCpus: 5e8,
        OomScoreAdj: 500,
        Init: true,
        ReadonlyRootfs: false,
        RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
        LogConfig: { Type: 'local', Config: { 'max-size': '48m', 'max-file': '3', compress: 'false' } },
        Tmpfs: { '/tmp': expect.stringMatching(/nosuid.*exec/) },
      });
      // Engines write an empty list as [], {} or null.
      for (const list of [HostConfig.Binds, HostConfig.Devices, HostConfig.PortBindings, HostConfig.CapAdd])
        expect(Object.keys(list ?? {})).toEqual([]);
      expect(HostConfig.Ulimits).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ Name: 'core', Soft: 0, Hard: 0 }),
          expect.objectContaining({ Name: 'nofile' }),
        ]),
      );
      expect(Mounts.map(({ Type }) => Type)).toEqual(['volume', 'volume', 'volume', 'volume']);
      expect(Mounts.map(({ Destination }) => Destination).toSorted()).toEqual([
        '/home/dev',
        '/run/devforge/egress',
        '/var/lib/devforge',
        '/workspace',
      ]);
      expect(Object.keys(NetworkSettings.Networks)).toEqual(['devforge']);
      const network = (await server.engine.docker.getNetwork('devforge').inspect()) as {
        Options: Record<string, string>;
      };
      expect(network.Options).toMatchObject({ 'com.docker.network.bridge.enable_icc': 'false' });
    });
  });
});

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port }, () => done(true));
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(3_000, () => done(false));
    socket.once('error', () => done(false));
  });
}
