import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { ok, problem } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { codeOf, FilesClient } from '../support/e2e/files-client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { LIST_COMMANDS, startedCommands } from '../support/terminals/started-commands.js';
import { SocketClient, type SocketOptions } from '../support/sockets/socket-client.js';
import { TerminalClient, type TerminalSettings } from '../support/terminals/terminal-client.js';

interface Listed {
  items: {
    terminalId: string;
    cols: number;
    rows: number;
    title: string;
    startedAt: string;
    lastUsedAt: string;
    clients: number;
  }[];
}

describe('terminals', () => {
  let server: TestServer;
  let container: Container;
  const clients: SocketClient[] = [];

  const connect = async (options: SocketOptions = {}): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token, ...options });
    clients.push(client);
    return client;
  };
  const open = async (settings: TerminalSettings = {}, options: SocketOptions = {}): Promise<TerminalClient> =>
    TerminalClient.open(await connect(options), container.id, settings);
  /** With a shell that waits for a command. */
  const openShell = async (settings: TerminalSettings = {}, options: SocketOptions = {}): Promise<TerminalClient> => {
    const terminal = await open(settings, options);
    await terminal.shows(/\$ *$/m);
    return terminal;
  };
  const inside = async (script: string): Promise<string> =>
    (await server.engine.exec(container.dockerId!, ['sh', '-c', script])).stdout.trim();
  const commands = async (): Promise<string[]> => startedCommands(await inside(LIST_COMMANDS));
  const listed = async (): Promise<Listed['items']> =>
    ok(await server.api.request<Listed>('GET', `/api/containers/${container.id}/terminals`)).items;

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    const response = await server.api.create(
      { name: uniqueName('terminal'), template: 'claude', cpuLimit: 2, memoryLimit: 1024 },
      { prefer: 'wait=60' },
    );
    expect(response.status).toBe(201);
    container = response.body;
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    // Nothing of one test is there in the next, and nothing stays behind in the container.
    for (const { terminalId } of await listed())
      await server.api.request('DELETE', `/api/containers/${container.id}/terminals/${terminalId}`);
    await until('nothing left', async () => (await commands()).length === 0);
  });
  afterAll(() => server?.dispose(), 60_000);

  it('answers 409 to terminals and files of a paused container at once, and goes on when it runs again', async () => {
    const terminal = await openShell();
    const files = new FilesClient(server.devforge.url, server.devforge.token, container.id);
    expect((await files.put('note', 'kept')).status).toBe(201);
    const paused = server.engine.docker.getContainer(container.dockerId!);
    await paused.pause();
    try {
      const refusedAtOnce = async (ask: () => Promise<unknown>): Promise<void> => {
        const from = Date.now();
        await until('the pause is seen', async () => JSON.stringify(await ask()).includes('invalid_state'), 5_000);
        expect(Date.now() - from).toBeLessThan(5_000);
      };
      await refusedAtOnce(() => terminal.type('x'));
      await refusedAtOnce(() => open().catch(String));
      await refusedAtOnce(() => open({ terminalId: terminal.id }).catch(String));
      await refusedAtOnce(() => files.get('note').then(codeOf));
      await refusedAtOnce(() => files.put('note', 'lost').then(codeOf));
      await refusedAtOnce(() => files.remove('note').then(codeOf));
    } finally {
      await paused.unpause();
    }
    await until('files', async () => (await files.get('note')).status === 200, 20_000);
    expect((await files.get('note')).bytes.toString()).toBe('kept');
    await terminal.type('echo after-$((40 + 2))\r');
    await terminal.shows('after-42');
  }, 60_000);

  describe('a shell', () => {
    it('runs as the user in the workspace, on a terminal with 256 colours and UTF-8', async () => {
      const terminal = await openShell({ cols: 100, rows: 30 });
      await terminal.type('echo "$TERM $COLORTERM $LANG $SHELL $0 $USER $(id -u) $PWD $(stty size) $(tput colors)"\r');
      await terminal.shows('xterm-256color truecolor C.UTF-8 /bin/bash');
      await terminal.shows(/dev 1000 \/workspace 30 100 256/);
      await terminal.type(`printf '\\033[31mred\\033[0m é€🚀 漢字\\n'\r`);
      await terminal.shows('red é€🚀 漢字');
      expect(terminal.text).toContain('\x1b[31mred\x1b[0m é€🚀 漢字');
    });

    it('follows the size of the window', async () => {
      const terminal = await openShell();
      await expect(terminal.resize(133, 41)).resolves.toEqual({ ok: true });
      await terminal.type('stty size\r');
      await terminal.shows('41 133');
      expect(terminal.client.all('terminal:resized')).toEqual([{ terminalId: terminal.id, cols: 133, rows: 41 }]);
    });

    it('is acknowledged before its first output', async () => {
      const client = await connect();
      let saidBefore: number | undefined;
      await new Promise<void>((resolve) => {
        client.socket.emit('terminal:open', { containerId: container.name, cols: 80, rows: 24 }, (answer) => {
          expect(answer).toMatchObject({ ok: true });
          saidBefore = client.all('terminal:output').length;
          resolve();
        });
      });
      expect(saidBefore).toBe(0);
      await until('the screen', () => client.all('terminal:output')[0]?.screen !== undefined);
    });

    it('reports its exit code and is removed when it ends', async () => {
      const terminal = await openShell();
      await terminal.type('exit 42\r');
      await until('the exit', () => terminal.exit);
      expect(terminal.exit).toEqual({ terminalId: terminal.id, exitCode: 42, reason: 'exited' });
      await expect(terminal.type('x')).resolves.toMatchObject({ error: { code: 'terminal_not_found' } });
      await expect(open({ terminalId: terminal.id })).rejects.toThrow('terminal_not_found');
    });

    it('ends with everything that runs in it when it is closed', async () => {
      const terminal = await openShell();
      await terminal.type('nohup sleep 4321 > /dev/null & sleep 5432\r');
      await until('the sleepers', async () => (await commands()).filter((line) => /sleep \d/.test(line)).length === 2);
      await expect(terminal.close()).resolves.toEqual({ ok: true });
      await until('the exit', () => terminal.exit?.reason === 'exited');
      await until('nothing left', async () => (await commands()).length === 0);
    });

    it('ends with its container', async () => {
      const terminal = await openShell();
      ok(await server.api.stop(container.id));
      await until('the exit', () => terminal.exit);
      expect(terminal.exit).toMatchObject({ exitCode: null, reason: 'container_stopped' });
      expect(await listed()).toEqual([]);
      await expect(open()).rejects.toThrow('invalid_state');
      ok(await server.api.start(container.id));
      await expect(open({ terminalId: terminal.id })).rejects.toThrow('terminal_not_found');
    });
  });

  describe('full-screen programs', () => {
    it('include vi, which edits a file', async () => {
      const terminal = await openShell();
      await terminal.type('vi /tmp/poem.txt\r');
      await terminal.shows(/^~$/m);
      await terminal.type('iRosen sind rot\rVeilchen sind blau');
      await terminal.shows('Veilchen sind blau');
      // A key that follows Escape too soon would be taken for Alt and that key; the cursor steps back when vi has seen it.
      const [column] = terminal.emulator.cursor();
      await terminal.type('\x1b');
      await until('the command mode', () => terminal.emulator.cursor()[0] < column);
      await terminal.type('ggyyp:wq\r');
      await terminal.shows(/\$ *$/m);
      expect(await inside('cat /tmp/poem.txt')).toBe('Rosen sind rot\nRosen sind rot\nVeilchen sind blau');
    });

    it('include nano, whose screen and keyboard modes are restored for a client that returns', async () => {
      const terminal = await openShell();
      await terminal.type('nano /tmp/note.txt\r');
      await terminal.shows('GNU nano');
      await terminal.type('first line');
      const before = await terminal.shows('first line');
      terminal.client.close();
      const again = await open({ terminalId: terminal.id });
      await again.shows('first line');
      expect(again.emulator.text()).toBe(before);
      expect(again.emulator.state()).toEqual(terminal.emulator.state());
      await again.type('\x1b[D\x1b[D\x1b[D\x1b[DTHE ');
      await again.shows('first THE line');
      await again.type('\x18n');
      await again.shows(/\$ *$/m);
    });

    it('include claude, which works in colours and is shared with another client', async () => {
      // Past its first questions, and with an endpoint that is nowhere: nothing is asked of a model.
      await inside(
        `mkdir -p "$CLAUDE_CONFIG_DIR"; echo '{"hasCompletedOnboarding":true,"theme":"dark"}' > "$CLAUDE_CONFIG_DIR/.claude.json"`,
      );
      const terminal = await openShell({ cols: 120, rows: 40 });
      await terminal.type('ANTHROPIC_BASE_URL=http://127.0.0.1:9 ANTHROPIC_AUTH_TOKEN=none claude\r');
      await terminal.shows(/^❯/m, 60_000);
      expect(terminal.text).toContain('\x1b[38;');
      // While it starts it draws anew.
      await terminal.settles();
      const other = await open({ terminalId: terminal.id, cols: 120, rows: 40 });
      await other.shows(/^❯/m);
      expect(other.emulator.text()).toBe(terminal.emulator.text());
      await terminal.type('hällo 🚀');
      await other.shows('hällo 🚀');
      await other.type('\x7f\x7fwörld');
      await terminal.shows('hällowörld');
      await terminal.close();
      await until('the exit', () => terminal.exit);
    }, 150_000);
  });

  describe('reconnects', () => {
    const running = async (): Promise<TerminalClient> => {
      const terminal = await openShell();
      await terminal.type(
        `printf '\\033[35mcoloured\\033[0m\\n'; cd /tmp; export MARK=kept; (sleep 1; echo while you were away) & \r`,
      );
      await terminal.shows('coloured');
      return terminal;
    };
    const comesBack = async (terminalId: string): Promise<void> => {
      const again = await open({ terminalId });
      await again.shows('coloured');
      expect(again.text).toContain('\x1b[35mcoloured');
      await again.shows('while you were away');
      await again.type('echo "$MARK in $PWD"\r');
      await again.shows('kept in /tmp');
      await again.type('exit\r');
      await until('the exit', () => again.exit);
    };

    it('after a lost connection lose no output', async () => {
      const terminal = await running();
      (terminal.client.socket.io.engine.transport as unknown as { ws: { terminate(): void } }).ws.terminate();
      await until('the loss', () => !terminal.client.socket.connected);
      await comesBack(terminal.id);
    });

    it('after a restart of DevForge lose no output', async () => {
      const terminal = await running();
      await server.devforge.restart();
      await comesBack(terminal.id);
    }, 90_000);

    it('after a SIGKILL of DevForge lose no output and leave no process', async () => {
      const terminal = await running();
      await server.devforge.kill('SIGKILL');
      await until('its connection to go', async () => !(await commands()).some((line) => line.startsWith('nc')));
      expect((await commands()).filter((line) => line.includes('pty-host.mjs'))).toHaveLength(1);
      await server.devforge.restart();
      await comesBack(terminal.id);
    }, 90_000);

    it('after a detach find the terminal running', async () => {
      const terminal = await running();
      await expect(terminal.client.ask('terminal:detach', { terminalId: terminal.id })).resolves.toEqual({ ok: true });
      await until('nobody', async () => (await listed())[0]?.clients === 0);
      await comesBack(terminal.id);
    });
  });

  describe('a terminal with several clients', () => {
    it('shows the same screen to all, in the size that was requested last', async () => {
      const first = await openShell();
      await first.type('echo early\r');
      await first.shows(/^early/m);
      const second = await open({ terminalId: first.id, cols: 90, rows: 20 });
      await second.shows(/^early/m);
      await second.type('echo "from the second"; stty size\r');
      for (const each of [first, second]) await each.shows(/^20 90\n.*\$ *$/m);
      expect(first.emulator.text()).toBe(second.emulator.text());
      expect(await listed()).toEqual([
        {
          terminalId: first.id,
          cols: 90,
          rows: 20,
          title: '',
          startedAt: expect.any(String),
          lastUsedAt: expect.any(String),
          clients: 2,
        },
      ]);
      expect((await commands()).filter((line) => line.startsWith('nc'))).toHaveLength(1);
    });

    it('sends a million lines completely to a client that reads while another one does not, in bounded memory', async () => {
      const quick = await openShell();
      const slow = await open({ terminalId: quick.id });
      await slow.shows(/\$ *$/m);
      const wire = (slow.client.socket.io.engine.transport as unknown as { ws: { _socket: Socket } }).ws._socket;
      wire.pause();
      const resident = async (): Promise<number> =>
        Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${server.devforge.pid}/status`, 'utf8'))![1]) / 1024;
      const before = await resident();
      await quick.type('seq 1 1000000; echo do""ne\r');
      await until('all of it', () => quick.text.includes('\r\ndone'), 120_000);
      expect(quick.text.match(/^\d+\r$/gm)).toHaveLength(1_000_000);
      process.stdout.write(`DevForge grew by ${((await resident()) - before).toFixed(0)} MB\n`);
      expect((await resident()) - before).toBeLessThan(80);
      wire.resume();
      // The clients of this test draw what came in their own time, the prompt included.
      for (const each of [quick, slow]) await each.shows(/^done\n.*\$ *$/m, 60_000);
      expect(slow.screens).toBe(2);
      expect(slow.text.length).toBeLessThan(quick.text.length / 2);
      expect(slow.emulator.text()).toBe(quick.emulator.text());
    }, 180_000);
  });

  describe('input', () => {
    const paste = 'zwölf Boxkämpfer 🥊 jagen Eva\n'.repeat(40_000).slice(0, 1024 * 1024);

    it.each(['websocket', 'polling'] as const)(
      'of a megabyte arrives whole as one message over %s',
      async (transport) => {
        const terminal = await openShell({}, { transports: [transport] });
        await terminal.type('stty raw -echo; echo rea""dy; cat > pasted\r');
        await terminal.shows('ready');
        await expect(terminal.paste(paste)).resolves.toEqual({ ok: true });
        await until(
          'the whole paste',
          async () => (await inside('stat -c %s pasted')) === String(Buffer.byteLength(paste)),
        );
        expect(await inside('sha256sum < pasted; rm pasted')).toContain(
          createHash('sha256').update(paste).digest('hex'),
        );
      },
      60_000,
    );

    it('of a megabyte that is pasted into vim ends up in its file', async () => {
      const terminal = await openShell();
      await terminal.type('vim.tiny -u NONE -n -c startinsert pasted-in-vim\r');
      await terminal.shows('[New File]');
      await expect(terminal.paste(paste.replaceAll('\n', '\r'))).resolves.toEqual({ ok: true });
      await terminal.type('\x1b:wq\r');
      // vim ends the last line.
      const wanted = createHash('sha256').update(`${paste}\n`).digest('hex');
      await until('the file', async () => (await inside('sha256sum < pasted-in-vim')).startsWith(wanted), 60_000);
      await inside('rm pasted-in-vim');
    }, 120_000);

    it('that no program reads is refused from one megabyte on, and the terminal can be closed', async () => {
      const terminal = await openShell();
      // Linux drops what exceeds a line that is edited, so only a raw terminal keeps a program's input waiting.
      await terminal.type("stty raw; echo no''body reads; sleep 1000\r");
      await terminal.shows('nobody reads');
      const answers = Array.from({ length: 160 }, () => terminal.type('x'.repeat(16_384)));
      await expect(answers[0]).resolves.toEqual({ ok: true });
      await expect(answers.at(-1)).resolves.toMatchObject({ ok: false, error: { code: 'terminal_input_full' } });
      await expect(terminal.close()).resolves.toEqual({ ok: true });
      await until('the exit', () => terminal.exit);
      expect((await Promise.all(answers)).filter(({ error }) => error?.code === 'terminal_unavailable')).not.toEqual(
        [],
      );
    });

    it('of ten thousand small writes at once is refused in part, and the terminal keeps working', async () => {
      const terminal = await openShell();
      const answers = await Promise.all(
        Array.from({ length: 10_000 }, () => terminal.type('#').catch(() => undefined)),
      );
      expect(new Set(answers.map((answer) => answer?.error?.code))).toEqual(new Set([undefined, 'too_many_requests']));
      expect(answers.filter((answer) => answer?.ok).length).toBeGreaterThanOrEqual(1_000);
      await until('the next to be taken', async () => (await terminal.type('\x15')).ok);
      await terminal.type('echo al""ive\r');
      await terminal.shows('alive');
    }, 60_000);

    it('and output of random bytes do not break the terminal', async () => {
      const terminal = await openShell();
      await terminal.type('timeout 2 cat /dev/urandom; stty sane; printf "\\033c"; echo do""ne\r');
      await until('the end of it', () => terminal.text.includes('done'), 30_000);
      await terminal.type('\x00\ud800');
      const { length } = terminal.text;
      await terminal.type('\x03');
      await until('the interrupt', () => terminal.text.slice(length).includes('^C'));
      await terminal.type('\r');
      await terminal.type('clear; echo al""ive\r');
      await terminal.shows('alive');
      expect(terminal.text.isWellFormed()).toBe(true);
    }, 60_000);
  });

  describe('bad input', () => {
    it.each([
      ['an unknown container', { containerId: 'nobody', cols: 80, rows: 24 }, 'container_not_found'],
      ['no size', { containerId: 'x' }, 'validation_failed'],
      ['no columns', { containerId: 'x', cols: 0, rows: 24 }, 'validation_failed'],
      ['100,000 columns', { containerId: 'x', cols: 100_000, rows: 24 }, 'validation_failed'],
      ['half a row', { containerId: 'x', cols: 80, rows: 0.5 }, 'validation_failed'],
      ['a command of its own', { containerId: 'x', cols: 80, rows: 24, argv: ['id'] }, 'validation_failed'],
      [
        'a prototype key',
        JSON.parse('{"containerId":"x","cols":80,"rows":24,"__proto__":{"admin":true}}'),
        'validation_failed',
      ],
      ['nothing', undefined, 'validation_failed'],
    ])('opens no terminal: %s', async (_, payload, code) => {
      const client = await connect();
      await expect(client.ask('terminal:open', payload)).resolves.toMatchObject({ ok: false, error: { code } });
      expect(await commands()).toEqual([]);
    });

    it('is answered with a negative acknowledgement for unknown terminals, invalid sizes and long texts', async () => {
      const terminal = await openShell();
      const terminalId = terminal.id;
      for (const size of [
        { cols: 0, rows: 24 },
        { cols: 100_000, rows: 24 },
        { cols: 80, rows: -1 },
        { cols: '80', rows: 24 },
        {},
      ]) {
        await expect(terminal.client.ask('terminal:resize', { terminalId, ...size })).resolves.toMatchObject({
          error: { code: 'validation_failed' },
        });
      }
      await expect(terminal.type('x'.repeat(1024 * 1024 + 1))).resolves.toMatchObject({
        error: { code: 'validation_failed' },
      });
      const stranger = await connect();
      for (const [event, payload] of [
        ['terminal:input', { data: 'x' }],
        ['terminal:resize', { cols: 80, rows: 24 }],
        ['terminal:close', {}],
        ['terminal:detach', {}],
      ] as const) {
        await expect(stranger.ask(event, { terminalId, ...payload })).resolves.toMatchObject({
          error: { code: 'terminal_not_found' },
        });
      }
      await expect(
        stranger.ask('terminal:open', { containerId: container.id, cols: 80, rows: 24, terminalId: randomUUID() }),
      ).resolves.toMatchObject({ error: { code: 'terminal_not_found' } });
      await terminal.type('stty size\r');
      await terminal.shows('24 80');
    });

    it('is answered with a problem document over REST', async () => {
      const path = `/api/containers/${container.id}/terminals/${randomUUID()}`;
      expect(problem(await server.api.request('DELETE', path))).toMatchObject({
        status: 404,
        code: 'terminal_not_found',
      });
      expect(problem(await server.api.request('GET', '/api/containers/nobody/terminals'))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
    });
  });
});
