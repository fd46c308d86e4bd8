import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PtyHostConnection, TerminalEvent } from '../../src/terminals/pty-host-connection.js';
import { PtyHost } from '../../src/terminals/pty-host.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { LIST_COMMANDS, startedCommands } from '../support/terminals/started-commands.js';
import { Emulator } from '../support/terminals/emulator.js';
import { programsOf, startWorkspace, type Workspace } from '../support/terminals/workspace.js';

const SIZE = { columns: 80, rows: 24 };
const RESET = '\x1bc';

/** Reads the events of a connection, unless it is paused. */
class Watcher {
  readonly events: TerminalEvent[] = [];
  text = '';
  /** Output after the latest screen. */
  textAfterScreen = '';
  isDone = false;
  private paused: PromiseWithResolvers<void> | undefined;

  constructor(readonly connection: PtyHostConnection) {
    void this.read().catch(() => undefined);
  }

  pause(): void {
    this.paused = Promise.withResolvers();
  }

  resume(): void {
    this.paused?.resolve();
    this.paused = undefined;
  }

  write(text: string): void {
    if (this.connection.input(text) === undefined) throw new Error('too much unacknowledged input');
  }

  async shows(text: string, timeoutMs = 20_000): Promise<void> {
    await until(`output with ${JSON.stringify(text)}`, () => this.text.includes(text), timeoutMs);
  }

  async screen(): Promise<string> {
    const before = this.events.filter(({ kind }) => kind === 'screen').length;
    this.connection.request({ op: 'screen' });
    const screen = await until('a screen', () => this.events.filter(({ kind }) => kind === 'screen')[before]);
    return screen.kind === 'screen' ? screen.text : '';
  }

  get exitCode(): number | undefined {
    const exit = this.events.find(({ kind }) => kind === 'exit');
    return exit?.kind === 'exit' ? exit.exitCode : undefined;
  }

  private async read(): Promise<void> {
    try {
      for await (const event of this.connection.events()) {
        if (event.kind === 'screen') this.textAfterScreen = '';
        if (event.kind === 'output') this.text += event.text;
        if (event.kind === 'output') this.textAfterScreen += event.text;
        else this.events.push(event);
        await this.paused?.promise;
      }
    } finally {
      this.isDone = true;
      this.connection.close();
    }
  }
}

describe('the PTY host in a workspace', () => {
  let ptyHost: PtyHost;
  let workspace: Workspace;
  let id: string;
  const watchers: Watcher[] = [];

  beforeAll(async () => {
    workspace = await startWorkspace();
    ptyHost = new PtyHost(programsOf(workspace.driver));
  }, IMAGE_BUILD_MS);
  beforeEach(() => {
    id = randomUUID();
  });
  afterEach(async () => {
    // A PTY host that is ending must not be used by the next test.
    await inside('pkill -f "[p]ty-host.mjs"; true');
    await until('nothing left', async () => (await commands()).length === 0);
  });
  afterAll(() => workspace?.remove());

  const watch = (connection: PtyHostConnection): Watcher => {
    const watcher = new Watcher(connection);
    watchers.push(watcher);
    return watcher;
  };
  const open = async (size = SIZE): Promise<Watcher> => {
    const watcher = watch(await ptyHost.open(workspace.ref, id, size));
    await watcher.shows('$ ');
    return watcher;
  };
  const attach = async (): Promise<Watcher> => watch(await ptyHost.attach(workspace.ref, id));
  const inside = async (script: string): Promise<string> =>
    (await workspace.driver.exec(workspace.ref, { argv: ['sh', '-c', script], timeoutMs: 20_000 })).stdout.trim();
  const commands = async (): Promise<string[]> => startedCommands(await inside(LIST_COMMANDS));
  /** Processor time of the PTY host, in hundredths of a second. */
  const ticks = async (): Promise<number> => {
    const [user, system] = (await inside('cut -d" " -f14,15 /proc/$(pgrep -f pty-host.mjs | head -n 1)/stat')).split(
      ' ',
    );
    return Number(user) + Number(system);
  };
  const end = async (watcher: Watcher): Promise<void> => {
    watcher.connection.request({ op: 'end' });
    await until('the end', () => watcher.isDone);
  };

  it('runs while there are terminals, and leaves no processes behind', async () => {
    expect(await commands()).toEqual([]);
    const first = await open();
    id = randomUUID();
    const second = await open({ columns: 132, rows: 43 });
    expect((await commands()).filter((line) => line.includes('pty-host.mjs'))).toHaveLength(1);
    await expect(ptyHost.list(workspace.ref)).resolves.toMatchObject([
      { size: SIZE },
      { id, size: { columns: 132, rows: 43 } },
    ]);
    first.write('exit 7\r');
    await until('the exit', () => first.exitCode === 7);
    second.write('sleep 1234 & sleep 2345\r');
    await until('the sleepers', async () => (await commands()).filter((line) => /sleep \d/.test(line)).length === 2);
    await end(second);
    expect(second.exitCode).toBe(129);
    await until('nothing left', async () => (await commands()).length === 0);
    await expect(ptyHost.list(workspace.ref)).resolves.toEqual([]);
    await expect(ptyHost.attach(workspace.ref, id)).rejects.toMatchObject({ code: 'terminal_not_found' });
  });

  it('is started once when several terminals are opened at once', async () => {
    const connections = await Promise.all(
      Array.from({ length: 4 }, () => ptyHost.open(workspace.ref, randomUUID(), SIZE)),
    );
    expect((await commands()).filter((line) => line.includes('pty-host.mjs'))).toHaveLength(1);
    await Promise.all(connections.map((connection) => end(watch(connection))));
  });

  it('limits the number of terminals', async () => {
    const connections = await Promise.all(
      Array.from({ length: 20 }, () => ptyHost.open(workspace.ref, randomUUID(), SIZE)),
    );
    await expect(ptyHost.open(workspace.ref, id, SIZE)).rejects.toMatchObject({ code: 'too_many_terminals' });
    await Promise.all(connections.map((connection) => end(watch(connection))));
  }, 60_000);

  it('gives each shell only its own terminal', async () => {
    const first = await open();
    id = randomUUID();
    const second = await open();
    second.write('ls -l /proc/$$/fd | grep -c ptmx; echo do""ne\r');
    await second.shows('done');
    expect(second.text).toMatch(/[\r\n]0\r\n/);
    await Promise.all([end(first), end(second)]);
  });

  it('ends its shells on SIGTERM', async () => {
    const watcher = await open();
    await inside('kill $(pgrep -f pty-host.mjs | head -n 1)');
    await until('the end', () => watcher.isDone);
    await until('nothing left', async () => (await commands()).length === 0);
  });

  it('reports the exit code after all output, also to a watcher that pauses', async () => {
    const watcher = await open();
    watcher.pause();
    watcher.write('seq 1 200000; exit 3\r');
    // Time in which an exit would overtake the output.
    await delay(1_500);
    expect(watcher.exitCode).toBeUndefined();
    watcher.resume();
    await until('the exit', () => watcher.exitCode === 3);
    expect(watcher.text).toContain('\r\n199999\r\n200000\r\n');
  });

  it('reports the exit of a shell whose background process keeps writing', async () => {
    const watcher = await open();
    watcher.write('(while sleep 0.02; do echo still here; done) & exit 5\r');
    await until('the exit', () => watcher.exitCode === 5, 5_000);
    await inside('pkill bash; pkill -f "[s]leep 0.02"; true');
  });

  it('makes a program wait for a watcher that pauses, so that all watchers get all output', async () => {
    const slow = await open();
    const quick = await attach();
    slow.pause();
    quick.write('seq 1 1000000; echo do""ne\r');
    // Time in which the program would end if it did not wait.
    await delay(2_000);
    expect(quick.text).not.toContain('done');
    slow.resume();
    await Promise.all([quick.shows('\r\ndone', 60_000), slow.shows('\r\ndone', 60_000)]);
    for (const { text } of [quick, slow]) expect(text.match(/^\d+\r$/gm)).toHaveLength(1_000_000);
    await end(quick);
  }, 90_000);

  it('retries input without a busy loop until the program reads it, and loses nothing', async () => {
    const watcher = await open();
    watcher.write('stty raw -echo; echo rea""dy; sleep 2; head -c 1000000 | sha256sum; stty sane\r');
    await watcher.shows('ready');
    const text = 'All work and no play makes Jack a dull boy, 0123\n'.repeat(20_000) + 'ä'.repeat(10_000);
    expect(Buffer.byteLength(text)).toBe(1_000_000);
    for (let at = 0; at < text.length; at += 16_384) watcher.write(text.slice(at, at + 16_384));
    const before = await ticks();
    // The processor time of one second in which nobody takes the input.
    await delay(1_000);
    expect((await ticks()) - before).toBeLessThan(30);
    await watcher.shows(createHash('sha256').update(text).digest('hex'));
    await end(watcher);
  }, 60_000);

  it('replies once to a query of a program, although clients reply as well', async () => {
    const watcher = await open();
    watcher.write(`stty raw -echo; printf '\\033[6n'; head -c 6 | od -c | head -n 1; stty sane; echo do""ne\r`);
    await until('the question', () => watcher.text.includes('\x1b[6n'));
    watcher.write('\x1b[5;1R');
    watcher.write('\x1b[5;1R');
    await watcher.shows('done');
    watcher.write('echo cle""an\r');
    await watcher.shows('clean');
    expect(watcher.text).toMatch(/033 {3}\[ {3}\d {3}; {3}\d {3}R/);
    expect(watcher.text).not.toContain('5;1R');
    await end(watcher);
  });

  it('draws a screen that equals the one of a watcher from the start', async () => {
    const first = await open();
    const script = [
      `printf '\\033[?1049h\\033[?1002h\\033[?1006h\\033[?2004h\\033[?25l\\033[3;20r\\033[5;7H\\033[1;31;48;5;22mred'`,
      `printf '\\033[0m\\033[38;2;1;2;3mäöü €🚀 漢字\\033[4mline\\033[0m\\033[>4;2m\\033[>1u\\033[12;3H'`,
    ];
    const lasting: [string, string][] = [
      ['a shell', 'ls --color=always -la /; seq 1 100'],
      ['output that leaves the scrollback', `seq 1 30000; printf '\\033[32m'; seq 30001 60000 | sed 's/$/ ä/'`],
      ['the same on the other screen', `printf '\\033[?1049h'; seq 1 30000; printf '\\033[0m\\033[?1049l'`],
      ['a full screen with regions, a mouse and no cursor', script.join(';')],
      ['the shell again', `printf '\\033[?1049l\\033[r\\033[?25h'; echo back`],
    ];
    for (const [, command] of lasting) {
      const mark = randomUUID();
      first.write(`${command}; printf '\\033]9;${mark.slice(0, 18)}''${mark.slice(18)}\\007'; read -s\r`);
      await first.shows(`${mark}\x07`);
      const later = await attach();
      const drawn = await later.screen();
      const [watched, shown] = [new Emulator(80, 24), new Emulator(80, 24)];
      await watched.write(RESET + first.text);
      await shown.write(RESET + drawn);
      expect(shown.state()).toEqual(watched.state());
      later.connection.close();
      first.write('\r');
    }
    await end(first);
  });

  it('draws plain text that nobody has looked at before, also after a resize', async () => {
    const first = await open();
    first.write(`seq -f "%g ${'x'.repeat(100)}" 1 300; echo do""ne; read -s\r`);
    await first.shows('\r\ndone\r\n');
    const watched = new Emulator(80, 24);
    await watched.write(RESET + first.text);
    const shown = new Emulator(80, 24);
    await shown.write(RESET + (await first.screen()));
    expect(shown.state()).toEqual(watched.state());
    first.write('\r');
    await first.shows('$ ');
    first.write('seq 1 200; echo ag""ain; read -s\r');
    await first.shows('\r\nagain\r\n');
    first.connection.request({ op: 'resize', cols: 100, rows: 30 });
    const resized = new Emulator(100, 30);
    await resized.write(RESET + (await first.screen()));
    expect(resized.text()).toContain('200\nagain');
    expect(resized.text()).toContain('175\n176');
    await end(first);
  });

  it('draws only between characters and control sequences', async () => {
    const first = await open();
    const stop = `/tmp/stop-${id}`;
    const writer = `const fs=require("fs");let i=0;const more=()=>{let s="";for(let n=0;n<500;n++,i++)s+="\\x1b[38;2;"+i%256+";"+(i*7)%256+";9mé漢🚀"+i%10;process.stdout.write(s,()=>fs.existsSync("${stop}")||setImmediate(more))};more()`;
    first.write(`node -e '${writer}'; echo; echo do""ne\r`);
    await until('output', () => first.text.length > 500_000);
    const joined: { watcher: Watcher; drawn: string }[] = [];
    for (let at = 0; at < 4; at++) {
      const watcher = await attach();
      joined.push({ watcher, drawn: await watcher.screen() });
    }
    await inside(`touch ${stop}`);
    await first.shows('done', 30_000);
    const whole = new Emulator(80, 24);
    await whole.write(RESET + (await first.screen()));
    for (const { watcher, drawn } of joined) {
      await watcher.shows('done');
      const later = new Emulator(80, 24);
      await later.write(RESET + drawn + watcher.textAfterScreen);
      expect(later.state()).toEqual(whole.state());
    }
    await end(first);
  }, 60_000);

  it('survives random output', async () => {
    const watcher = await open();
    watcher.write(
      'timeout 5 cat /dev/urandom; head -c 3000000 /dev/urandom; stty sane; printf "\\033c"; echo do""ne\r',
    );
    await watcher.shows('done', 40_000);
    expect(watcher.text.isWellFormed()).toBe(true);
    // Queries in the random output were replied to; the shell reads those replies as input.
    const { length } = watcher.text;
    watcher.write('\x03');
    await until('the interrupt', () => watcher.text.slice(length).includes('^C'));
    watcher.write('\r');
    watcher.write('echo al""ive\r');
    await watcher.shows('alive');
    expect(await watcher.screen()).toContain('alive');
    await end(watcher);
  }, 60_000);

  it('uses a bounded amount of memory', async () => {
    const watcher = await open({ columns: 200, rows: 50 });
    watcher.write('seq 1 1000000; echo do""ne\r');
    await watcher.shows('\r\ndone', 60_000);
    const resident =
      Number(await inside(`grep -h VmRSS /proc/$(pgrep -f pty-host.mjs | head -n 1)/status | tr -dc 0-9`)) / 1024;
    process.stdout.write(`the PTY host after a million lines: ${resident.toFixed(0)} MB resident\n`);
    expect(resident).toBeLessThan(110);
    await end(watcher);
  }, 90_000);

  it('applies a resize before the input that follows it', async () => {
    const watcher = await open();
    for (let columns = 90; columns < 100; columns++) {
      watcher.connection.request({ op: 'resize', cols: columns, rows: 40 });
      watcher.write('stty size\r');
      await watcher.shows(`40 ${columns}\r`);
      await watcher.shows('$ ');
    }
    await end(watcher);
  }, 60_000);

  it('supports the largest and the smallest size', async () => {
    const watcher = await open();
    for (const [cols, rows] of [
      [1_000, 1_000],
      [1, 1],
      [80, 24],
    ] as const) {
      watcher.connection.request({ op: 'resize', cols, rows });
      await until('the size', () =>
        watcher.events.some(
          (event) => event.kind === 'resized' && event.size.columns === cols && event.size.rows === rows,
        ),
      );
      expect(await watcher.screen()).toEqual(expect.any(String));
    }
    watcher.write('clear; stty size\r');
    await watcher.shows('24 80');
    await end(watcher);
  }, 60_000);
});
