import type { Readable, Writable } from 'node:stream';
import { FrameParser, frameHeader } from '../../../src/workspace/programs/frame-parser.js';
import { PTY_HOST_FRAMES, toPtyHostMessage } from '../../../src/terminals/terminal-frames.js';
import { NO_SUCH_PROGRAM } from '../workspace-program.js';

const NOT_RUNNING = 3;
const NOT_FOUND = 127;
const MAX_TERMINALS = 3;

/** Input and output of the simulated program. */
interface ProgramSide {
  stdin: Readable;
  stdout: Writable;
}

interface Watcher {
  stdout: Writable;
  end: (exitCode: number) => void;
}

/** A terminal whose screen consists of everything ever written to it. */
export class FakeTerminal {
  text = '';
  readonly inputs: string[] = [];
  private readonly frames: Buffer[] = [];
  readonly watchers = new Set<Watcher>();
  /** Requested screens that are not sent yet, see {@link delaysScreens}. */
  private delayed: (() => void)[] = [];
  delaysScreens = false;
  screens = 0;

  constructor(
    readonly id: string,
    public cols: number,
    public rows: number,
    private readonly onEnd: () => void,
  ) {}

  write(text: string): void {
    this.text += text;
    for (const { stdout } of this.watchers) stdout.write(dataFrame(text));
  }

  resize(cols: number, rows: number): void {
    Object.assign(this, { cols, rows });
    for (const { stdout } of this.watchers) stdout.write(controlFrame({ event: 'resized', cols, rows }));
  }

  draw({ stdout }: Watcher): void {
    const draw = (): void => {
      this.screens += 1;
      stdout.write(screenFrame(this.cols, this.rows, this.text));
    };
    if (this.delaysScreens) this.delayed.push(draw);
    else draw();
  }

  sendDelayedScreens(): void {
    this.delaysScreens = false;
    for (const draw of this.delayed.splice(0)) draw();
  }

  /** A frame of input, which may end within a character. */
  input(frame: Buffer): void {
    this.frames.push(frame);
    this.inputs.push(frame.toString('utf8'));
  }

  /** All input. */
  bytes(): Buffer {
    return Buffer.concat(this.frames);
  }

  acknowledge(bytes: number): void {
    for (const { stdout } of this.watchers) stdout.write(controlFrame({ event: 'taken', bytes }));
  }

  exit(exitCode: number): void {
    this.onEnd();
    for (const { stdout, end } of this.watchers) {
      stdout.write(controlFrame({ event: 'exit', exitCode }));
      end(0);
    }
  }
}

/** Simulates `devforge-terminal` in the fake runtime: `runtime.containers.onOpen = ptyHost.run`. */
export class FakePtyHost {
  readonly terminals = new Map<string, FakeTerminal>();
  /** All requests in the order in which they arrived. */
  readonly requests: Record<string, unknown>[] = [];
  /** The program ends with this code at once, as it does when the image does not contain it. */
  exitsWith: number | undefined;

  readonly run = ({ argv }: { argv: string[] }, side: ProgramSide): Promise<number> => {
    if (this.exitsWith !== undefined) {
      if (this.exitsWith === NOT_FOUND) side.stdout.write(NO_SUCH_PROGRAM);
      return Promise.resolve(this.exitsWith);
    }
    if (argv[1] === 'attach' && this.terminals.size === 0) return Promise.resolve(NOT_RUNNING);
    return new Promise((resolve) => this.serve(side, resolve));
  };

  /** The only terminal there is. */
  get terminal(): FakeTerminal {
    const [terminal] = this.terminals.values();
    if (terminal === undefined || this.terminals.size > 1)
      throw new Error(`There are ${this.terminals.size} terminals.`);
    return terminal;
  }

  private serve({ stdin, stdout }: ProgramSide, end: (exitCode: number) => void): void {
    const frames = new FrameParser(PTY_HOST_FRAMES.whole, PTY_HOST_FRAMES.streamed);
    const watcher = { stdout, end };
    let terminal: FakeTerminal | undefined;
    stdin.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        const message = toPtyHostMessage(frame);
        if (message.kind === 'output') terminal?.input(frame.data);
        else if (message.kind === 'control') terminal = this.handle(message.message, terminal, watcher);
      }
    });
    stdin.on('end', () => {
      terminal?.watchers.delete(watcher);
      end(0);
    });
  }

  private handle(
    request: Record<string, unknown>,
    terminal: FakeTerminal | undefined,
    watcher: Watcher,
  ): FakeTerminal | undefined {
    this.requests.push(request);
    const { op, id, cols, rows } = request as { op: string; id?: string; cols: number; rows: number };
    const answer = (message: object): void => void watcher.stdout.write(controlFrame(message));
    if (op === 'list')
      answer({
        terminals: [...this.terminals.values()].map((each) => ({
          id: each.id,
          cols: each.cols,
          rows: each.rows,
          title: 'a title',
          startedAt: '2026-01-02T03:04:05.000Z',
          lastUsedAt: '2026-01-02T03:04:06.000Z',
        })),
      });
    else if (op === 'screen') terminal?.draw(watcher);
    else if (op === 'resize') terminal?.resize(cols, rows);
    else if (op === 'end' && id === undefined) terminal?.exit(129);
    else {
      const named = op === 'open' ? this.start(id!, cols, rows) : this.terminals.get(id!);
      if (named === undefined) answer({ error: op === 'open' ? 'too_many_terminals' : 'terminal_not_found' });
      else answer({ ok: true });
      named?.watchers.add(watcher);
      if (op === 'end') named?.exit(129);
      return named;
    }
    return terminal;
  }

  private start(id: string, cols: number, rows: number): FakeTerminal | undefined {
    if (this.terminals.size >= MAX_TERMINALS) return undefined;
    const terminal = new FakeTerminal(id, cols, rows, () => this.terminals.delete(id));
    this.terminals.set(id, terminal);
    return terminal;
  }
}

function frame(kind: string, ...bodies: Buffer[]): Buffer {
  const body = Buffer.concat(bodies);
  return Buffer.concat([frameHeader(kind, body.length), body]);
}

function controlFrame(message: object): Buffer {
  return frame('c', Buffer.from(JSON.stringify(message)));
}

function dataFrame(text: string): Buffer {
  return frame('d', Buffer.from(text));
}

function screenFrame(cols: number, rows: number, text: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(cols, 0);
  size.writeUInt16BE(rows, 2);
  return frame('s', size, Buffer.from(text));
}
