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

/** Reads what happens on a connection, unless it is held. */
class Watcher {
  readonly events: TerminalEvent[] = [];
  text = '';
  /** What came after the latest screen. */
  textAfterScreen = '';
  isDone = false;
  private held: PromiseWithResolvers<void> | undefined;

  constructor(readonly connection: PtyHostConnection) {
    void this.read().catch(() => undefined);
  }

  hold(): void {
    this.held = Promise.withResolvers();
  }

  release(): void {
    this.held?.resolve();
    this.held = undefined;
  }

  type(text: string): void {
    if (!this.connection.input(text)) throw new Error('It takes no more.');
  }

  async shows(text: string, timeoutMs = 20_000): Promise<void> {
    await until(`output that has ${JSON.stringify(text)}`, () => this.text.includes(text), timeoutMs);
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
        await this.held?.promise;
      }
    } finally {
      this.isDone = true;
      this.connection.close();
    }
  }
}

describe('the holder of terminals, in a workspace', () => {
  let holder: PtyHost;
  let workspace: Workspace;
  let id: string;
  const watchers: Watcher[] = [];

  beforeAll(async () => {
    workspace = await startWorkspace();
    holder = new PtyHost(programsOf(workspace.driver));
  }, IMAGE_BUILD_MS);
  beforeEach(() => {
    id = randomUUID();
  });
  afterEach(async () => {
    // A holder on its way out would be taken for that of the next test.
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
    const watcher = watch(await holder.open(workspace.ref, id, size));
    await watcher.shows('$ ');
    return watcher;
  };
  const attach = async (): Promise<Watcher> => watch(await holder.attach(workspace.ref, id));
  const inside = async (script: string): Promise<string> =>
    (await workspace.driver.exec(workspace.ref, { argv: ['sh', '-c', script], timeoutMs: 20_000 })).stdout.trim();
  const commands = async (): Promise<string[]> => startedCommands(await inside(LIST_COMMANDS));
  /** Processor time of the holder, in hundredths of a second. */
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

  it('is there while there are terminals, and leaves nothing behind', async () => {
    expect(await commands()).toEqual([]);
    const first = await open();
    id = randomUUID();
    const second = await open({ columns: 132, rows: 43 });
    expect((await commands()).filter((line) => line.includes('pty-host.mjs'))).toHaveLength(1);
    await expect(holder.list(workspace.ref)).resolves.toMatchObject([
      { size: SIZE },
      { id, size: { columns: 132, rows: 43 } },
    ]);
    first.type('exit 7\r');
    await until('the exit', () => first.exitCode === 7);
    second.type('sleep 1234 & sleep 2345\r');
    await until('the sleepers', async () => (await commands()).filter((line) => /sleep \d/.test(line)).length === 2);
    await end(second);
    expect(second.exitCode).toBe(129);
    await until('nothing left', async () => (await commands()).length === 0);
    await expect(holder.list(workspace.ref)).resolves.toEqual([]);
    await expect(holder.attach(workspace.ref, id)).rejects.toMatchObject({ code: 'terminal_not_found' });
  });

  it('is one, however many ask for it at once', async () => {
    const connections = await Promise.all(
      Array.from({ length: 4 }, () => holder.open(workspace.ref, randomUUID(), SIZE)),
    );
    expect((await commands()).filter((line) => line.includes('pty-host.mjs'))).toHaveLength(1);
    await Promise.all(connections.map((connection) => end(watch(connection))));
  });

  it('has as many terminals as a container may have', async () => {
    const connections = await Promise.all(
      Array.from({ length: 20 }, () => holder.open(workspace.ref, randomUUID(), SIZE)),
    );
    await expect(holder.open(workspace.ref, id, SIZE)).rejects.toMatchObject({ code: 'too_many_terminals' });
    await Promise.all(connections.map((connection) => end(watch(connection))));
  }, 60_000);

  it('gives each shell its own terminal and no other one', async () => {
    const first = await open();
    id = randomUUID();
    const second = await open();
    second.type('ls -l /proc/$$/fd | grep -c ptmx; echo do""ne\r');
    await second.shows('done');
    expect(second.text).toMatch(/[\r\n]0\r\n/);
    await Promise.all([end(first), end(second)]);
  });

  it('ends with SIGTERM, and takes its shells with it', async () => {
    const watcher = await open();
    await inside('kill $(pgrep -f pty-host.mjs | head -n 1)');
    await until('the end', () => watcher.isDone);
    await until('nothing left', async () => (await commands()).length === 0);
  });

  it('tells the exit after the last of the output, though nobody reads for a while', async () => {
    const watcher = await open();
    watcher.hold();
    watcher.type('seq 1 200000; exit 3\r');
    // Time in which an exit would overtake the output.
    await delay(1_500);
    expect(watcher.exitCode).toBeUndefined();
    watcher.release();
    await until('the exit', () => watcher.exitCode === 3);
    expect(watcher.text).toContain('\r\n199999\r\n200000\r\n');
  });

  it('is not held up by what a shell left running with its terminal', async () => {
    const watcher = await open();
    watcher.type('(while sleep 0.02; do echo still here; done) & exit 5\r');
    await until('the exit', () => watcher.exitCode === 5, 5_000);
    await inside('pkill bash; pkill -f "[s]leep 0.02"; true');
  });

  it('makes a program wait for a watcher that does not read, and another one sees everything', async () => {
    const slow = await open();
    const quick = await attach();
    slow.hold();
    quick.type('seq 1 1000000; echo do""ne\r');
    // Time in which the program would end if it did not wait.
    await delay(2_000);
    expect(quick.text).not.toContain('done');
    slow.release();
    await Promise.all([quick.shows('\r\ndone', 60_000), slow.shows('\r\ndone', 60_000)]);
    for (const { text } of [quick, slow]) expect(text.match(/^\d+\r$/gm)).toHaveLength(1_000_000);
    await end(quick);
  }, 90_000);

  it('offers input until it is taken, without spinning, and loses none of it', async () => {
    const watcher = await open();
    watcher.type('stty raw -echo; echo rea""dy; sleep 2; head -c 1000000 | sha256sum; stty sane\r');
    await watcher.shows('ready');
    const text = 'All work and no play makes Jack a dull boy, 0123\n'.repeat(20_000) + 'ä'.repeat(10_000);
    expect(Buffer.byteLength(text)).toBe(1_000_000);
    for (let at = 0; at < text.length; at += 16_384) watcher.type(text.slice(at, at + 16_384));
    const before = await ticks();
    // The processor time of one second in which nobody takes the input.
    await delay(1_000);
    expect((await ticks()) - before).toBeLessThan(30);
    await watcher.shows(createHash('sha256').update(text).digest('hex'));
    await end(watcher);
  }, 60_000);

  it('answers a program that asks its terminal, once, however many clients answer as well', async () => {
    const watcher = await open();
    watcher.type(`stty raw -echo; printf '\\033[6n'; head -c 6 | od -c | head -n 1; stty sane; echo do""ne\r`);
    await until('the question', () => watcher.text.includes('\x1b[6n'));
    watcher.type('\x1b[5;1R');
    watcher.type('\x1b[5;1R');
    await watcher.shows('done');
    watcher.type('echo cle""an\r');
    await watcher.shows('clean');
    expect(watcher.text).toMatch(/033 {3}\[ {3}\d {3}; {3}\d {3}R/);
    expect(watcher.text).not.toContain('5;1R');
    await end(watcher);
  });

  it('draws a screen that cannot be told from the one that was watched from the first', async () => {
    const first = await open();
    const script = [
      `printf '\\033[?1049h\\033[?1002h\\033[?1006h\\033[?2004h\\033[?25l\\033[3;20r\\033[5;7H\\033[1;31;48;5;22mred'`,
      `printf '\\033[0m\\033[38;2;1;2;3mäöü €🚀 漢字\\033[4mline\\033[0m\\033[>4;2m\\033[>1u\\033[12;3H'`,
    ];
    const lasting: [string, string][] = [
      ['a shell', 'ls --color=always -la /; seq 1 100'],
      ['a full screen with regions, a mouse and no cursor', script.join(';')],
      ['the shell again', `printf '\\033[?1049l\\033[r\\033[?25h'; echo back`],
    ];
    for (const [, command] of lasting) {
      const mark = randomUUID();
      first.type(`${command}; printf '\\033]9;${mark.slice(0, 18)}''${mark.slice(18)}\\007'; read -s\r`);
      await first.shows(`${mark}\x07`);
      const later = await attach();
      const drawn = await later.screen();
      const [watched, shown] = [new Emulator(80, 24), new Emulator(80, 24)];
      await watched.write(RESET + first.text);
      await shown.write(RESET + drawn);
      expect(shown.state()).toEqual(watched.state());
      later.connection.close();
      first.type('\r');
    }
    await end(first);
  });

  it('draws between characters and control sequences alone, whatever is under way', async () => {
    const first = await open();
    const stop = `/tmp/stop-${id}`;
    const writer = `const fs=require("fs");let i=0;const more=()=>{let s="";for(let n=0;n<500;n++,i++)s+="\\x1b[38;2;"+i%256+";"+(i*7)%256+";9mé漢🚀"+i%10;process.stdout.write(s,()=>fs.existsSync("${stop}")||setImmediate(more))};more()`;
    first.type(`node -e '${writer}'; echo; echo do""ne\r`);
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

  it('stands whatever is written to it', async () => {
    const watcher = await open();
    watcher.type('timeout 5 cat /dev/urandom; head -c 3000000 /dev/urandom; stty sane; printf "\\033c"; echo do""ne\r');
    await watcher.shows('done', 40_000);
    expect(watcher.text.isWellFormed()).toBe(true);
    // What asked the terminal was answered, to the shell that reads it now.
    const { length } = watcher.text;
    watcher.type('\x03');
    await until('the interrupt', () => watcher.text.slice(length).includes('^C'));
    watcher.type('\r');
    watcher.type('echo al""ive\r');
    await watcher.shows('alive');
    expect(await watcher.screen()).toContain('alive');
    await end(watcher);
  }, 60_000);

  it('costs a bounded amount of memory', async () => {
    const watcher = await open({ columns: 200, rows: 50 });
    watcher.type('seq 1 1000000; echo do""ne\r');
    await watcher.shows('\r\ndone', 60_000);
    const resident =
      Number(await inside(`grep -h VmRSS /proc/$(pgrep -f pty-host.mjs | head -n 1)/status | tr -dc 0-9`)) / 1024;
    process.stdout.write(`the holder after a million lines: ${resident.toFixed(0)} MB resident\n`);
    expect(resident).toBeLessThan(110);
    await end(watcher);
  }, 90_000);

  it('has the new size for what is typed after a resize', async () => {
    const watcher = await open();
    for (let columns = 90; columns < 100; columns++) {
      watcher.connection.request({ op: 'resize', cols: columns, rows: 40 });
      watcher.type('stty size\r');
      await watcher.shows(`40 ${columns}\r`);
      await watcher.shows('$ ');
    }
    await end(watcher);
  }, 60_000);

  it('takes a shell into the largest and the smallest of sizes', async () => {
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
    watcher.type('clear; stty size\r');
    await watcher.shows('24 80');
    await end(watcher);
  }, 60_000);
});
