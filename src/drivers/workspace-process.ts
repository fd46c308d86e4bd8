import type { Readable, Writable } from 'node:stream';
import type { WorkspaceRef } from './workspace.js';

/** Of both outputs of a command together; one that writes more fails with `output_limit`. */
export const MAX_EXEC_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface ExecRequest {
  argv: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Written to the command's stdin, which is then closed. */
  stdin?: string | Buffer;
  onStdout?: (chunk: Buffer) => void;
  onStderr?: (chunk: Buffer) => void;
  signal?: AbortSignal;
  /** Milliseconds to wait for the command. The command itself is not killed. */
  timeoutMs: number;
}

export interface ExecResult {
  exitCode: number;
  /** The last 64 KiB of each stream. */
  stdout: string;
  stderr: string;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface ProcessRequest {
  argv: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Gives the command a terminal of this size; all output then arrives on `stdout`, as the terminal shows it. */
  terminal?: TerminalSize;
  /** Aborts the opening; an open process is ended by `close`. */
  signal?: AbortSignal;
}

/**
 * A command running in a workspace, with back-pressure on its outputs: it blocks until they are read. They end with the
 * command, and with an error when the connection to the engine breaks.
 */
export interface WorkspaceProcess {
  /** Ending it closes the command's stdin. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The exit code; 126 or 127 when the command cannot be run. Settles when the outputs end.
   * @throws DriverError `aborted` after `close`, `unavailable` when the connection broke: the command may still run
   */
  readonly exit: Promise<number>;
  resize(size: TerminalSize): Promise<void>;
  /** Disconnects, which closes the command's stdin. The command itself is not killed. */
  close(): void;
}

/** A request with the environment that its workspace was not created with. */
export function withAddedEnv<Request extends { env?: Record<string, string> }>(
  request: Request,
  { addedEnv }: WorkspaceRef,
): Request {
  return addedEnv === undefined ? request : { ...request, env: { ...addedEnv, ...request.env } };
}
