import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../e2e/until.js';
import type { SocketClient } from '../sockets/socket-client.js';
import { Emulator } from './emulator.js';

export interface TerminalSettings {
  cols?: number;
  rows?: number;
  /** An existing terminal. */
  terminalId?: string;
}

interface Answer {
  ok: boolean;
  terminalId?: string;
  error?: { code: string; message: string };
}

/** A client of a terminal: a socket, and an emulator that draws the output and replies to queries. */
export class TerminalClient {
  id = '';
  /** All output, including drawings of the screen. */
  text = '';
  /** Number of drawings of the whole screen. */
  screens = 0;
  exit: { exitCode: number | null; reason: string } | undefined;
  private drawn = Promise.resolve();

  private constructor(
    readonly client: SocketClient,
    readonly emulator: Emulator,
  ) {}

  /** @throws Error when the request is rejected */
  static async open(
    client: SocketClient,
    containerId: string,
    { cols = 80, rows = 24, terminalId }: TerminalSettings = {},
  ): Promise<TerminalClient> {
    const { socket } = client;
    const terminal: TerminalClient = new TerminalClient(
      client,
      new Emulator(cols, rows, (data) => socket.emit('terminal:input', { terminalId: terminal.id, data })),
    );
    socket.on('terminal:output', (output) => {
      if (output.terminalId === terminal.id) terminal.show(output.data, output.screen);
    });
    socket.on('terminal:resized', (size) => {
      if (size.terminalId === terminal.id)
        terminal.drawn = terminal.drawn.then(() => terminal.emulator.resize(size.cols, size.rows));
    });
    socket.on('terminal:exit', (exit) => {
      if (exit.terminalId === terminal.id) terminal.exit = exit;
    });
    const request = { containerId, cols, rows, ...(terminalId === undefined ? {} : { terminalId }) };
    // Output may arrive before the continuation of an awaited acknowledgement runs, so the id is set in the callback.
    const answer = await new Promise<Answer>((resolve) => {
      socket.emit('terminal:open', request, (given) => {
        if (given.ok) terminal.id = given.terminalId;
        resolve(given);
      });
    });
    if (!answer.ok) throw new Error(JSON.stringify(answer.error));
    return terminal;
  }

  type(data: string): Promise<Answer> {
    return this.client.ask('terminal:input', { terminalId: this.id, data }) as Promise<Answer>;
  }

  /** As {@link type}, for a long text: the acknowledgement waits for the program. */
  paste(data: string): Promise<Answer> {
    return this.client.socket.timeout(60_000).emitWithAck('terminal:input', { terminalId: this.id, data });
  }

  resize(cols: number, rows: number): Promise<Answer> {
    return this.client.ask('terminal:resize', { terminalId: this.id, cols, rows }) as Promise<Answer>;
  }

  close(): Promise<Answer> {
    return this.client.ask('terminal:close', { terminalId: this.id }) as Promise<Answer>;
  }

  /** Waits until the screen contains the text. */
  async shows(wanted: string | RegExp, timeoutMs = 20_000): Promise<string> {
    const has = (text: string): boolean => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text));
    try {
      return await until(
        'the text',
        async () => {
          await this.drawn;
          const text = this.emulator.text();
          return has(text) && text;
        },
        timeoutMs,
      );
    } catch {
      throw new Error(
        `The screen did not show ${String(wanted)} within ${timeoutMs} ms. It shows:\n${this.emulator.text()}`,
      );
    }
  }

  /** Waits until the screen has not changed for half a second: a full-screen program does not report when it has drawn. */
  async settles(): Promise<void> {
    for (let before = ''; before !== this.emulator.text(); await delay(500)) before = this.emulator.text();
  }

  private show(data: string, screen?: { cols: number; rows: number }): void {
    this.text += data;
    if (screen !== undefined) this.screens += 1;
    this.drawn = this.drawn.then(() => {
      if (screen !== undefined) this.emulator.resize(screen.cols, screen.rows);
      return this.emulator.write(data);
    });
  }
}
