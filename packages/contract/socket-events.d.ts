/**
 * Everything that travels over Socket.io. This file imports nothing, so a client can take it as it is:
 * `io(url, { auth: { token } }) as Socket<ServerToClientEvents, ClientToServerEvents>`.
 */

export interface SocketError {
  code: string;
  message: string;
}

/** What every client event is answered with. */
export type Acknowledgement<Details extends object = object> =
  ({ ok: true } & Details) | { ok: false; error: SocketError };

type Ack<Details extends object = object> = (answer: Acknowledgement<Details>) => void;

export type ContainerStatusWord =
  | 'queued'
  | 'creating'
  | 'starting'
  | 'cloning'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'failed'
  | 'missing'
  | 'deleting';

export interface JobState {
  id: string;
  name: 'create' | 'clone';
  containerId: string;
  state: 'queued' | 'active' | 'completed' | 'failed';
  step: string | null;
  /** Percent of the whole job. */
  progress: number;
  message: string | null;
  attempts: number;
  error: { code: string; message: string; retryable: boolean; output?: string[] } | null;
}

export interface AgentState {
  active: boolean;
  /** Of several sessions, one that waits comes first, then one that works, then an idle one. */
  state: 'none' | 'idle' | 'working' | 'waiting';
  since: string | null;
  /** What somebody has to answer before it goes on: the tool that it asks to use, and the beginning of its command, path or question. */
  waitingFor: { tool: string | null; text: string } | null;
}

export interface StatusUpdate {
  containerId: string;
  status: ContainerStatusWord;
  statusReason: { code: string; message: string } | null;
  /** null while it is not known; a container in which no agent can run has `none`. */
  agent: AgentState | null;
  job: JobState | null;
  /** When the container was last written. */
  at: string;
}

export interface ContainerMetrics {
  containerId: string;
  timestamp: string;
  /** 100 is one core. */
  cpu: { percent: number; limitPercent: number };
  memory: { usedMB: number; limitMB: number; percent: number };
  /** null until it was measured. */
  disk: { usedMB: number | null; limitMB: number; percent: number | null };
  network: { rxBytes: number; txBytes: number; rxBytesPerSecond: number; txBytesPerSecond: number };
  pids: number;
  /** As `agent` of the container. While that is not known: whether it runs, with `state` null; null where processes cannot be seen. */
  agent: (Omit<AgentState, 'state'> & { state: AgentState['state'] | null }) | null;
}

export interface LogLine {
  /** The engine's own, in RFC 3339 with nanoseconds. */
  timestamp: string;
  stream: 'stdout' | 'stderr';
  message: string;
}

export interface InstructionState {
  id: string;
  containerId: string;
  prompt: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timed_out';
  statusReason: { code: string; message: string } | null;
  sessionId: string | null;
  result: string | null;
  costUsd: number | null;
  turns: number | null;
  usage: Record<string, unknown> | null;
  /** What it waits to be allowed, at this moment. */
  permissions: { requestId: string; toolName: string; input: unknown; askedAt: string }[];
  /** null until it is over. */
  diff: { bytes: number; truncated: boolean } | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  /** Events so far. */
  lastSeq: number;
}

export interface ClientToServerEvents {
  /** `interval` in milliseconds, 500 to 60000. */
  'subscribe:metrics': (payload: { containerId: string; interval?: number }, ack?: Ack) => void;
  'unsubscribe:metrics': (payload: { containerId: string }, ack?: Ack) => void;
  'subscribe:status': (payload: { containerId?: string }, ack?: Ack) => void;
  'unsubscribe:status': (payload: { containerId?: string }, ack?: Ack) => void;
  'subscribe:logs': (
    payload: { containerId: string; tail?: number; stream?: 'all' | 'stdout' | 'stderr' },
    ack?: Ack,
  ) => void;
  'unsubscribe:logs': (payload: { containerId: string }, ack?: Ack) => void;
  /** `after`: the `seq` that was seen last. */
  'subscribe:instruction': (payload: { instructionId: string; after?: number }, ack?: Ack) => void;
  'unsubscribe:instruction': (payload: { instructionId: string }, ack?: Ack) => void;
  /** Without `terminalId` a shell is started; with one that is there its screen is shown and it goes on. 1 to 1000 columns and rows. */
  'terminal:open': (
    payload: { containerId: string; cols: number; rows: number; terminalId?: string },
    ack?: Ack<{ terminalId: string }>,
  ) => void;
  /** At most 16384 characters a message; messages are taken in their order. */
  'terminal:input': (payload: { terminalId: string; data: string }, ack?: Ack) => void;
  /** Of several clients the one that asked last decides. */
  'terminal:resize': (payload: { terminalId: string; cols: number; rows: number }, ack?: Ack) => void;
  /** Leaves a terminal, which goes on. */
  'terminal:detach': (payload: { terminalId: string }, ack?: Ack) => void;
  /** Ends a terminal with all that runs in it. */
  'terminal:close': (payload: { terminalId: string }, ack?: Ack) => void;
}

export interface ServerToClientEvents {
  'metrics:update': (update: { containerId: string; metrics: ContainerMetrics }) => void;
  'metrics:error': (failure: { containerId: string; error: SocketError }) => void;
  'status:update': (update: StatusUpdate) => void;
  'status:removed': (removal: { containerId: string; at: string }) => void;
  'logs:initial': (lines: { containerId: string; lines: LogLine[] }) => void;
  'logs:update': (lines: { containerId: string; lines: LogLine[] }) => void;
  /** `count` is null when the engine had let go of lines before they were read: nobody knows how many. */
  'logs:dropped': (loss: { containerId: string; count: number | null }) => void;
  'logs:end': (end: { containerId: string; reason: string }) => void;
  'logs:error': (failure: { containerId: string; error: SocketError }) => void;
  /** `event` as Claude Code printed it; `seq` from 1, without a gap. */
  'instruction:event': (event: { instructionId: string; seq: number; event: unknown }) => void;
  /** First how it is, then whenever more than its events has changed; the last one comes after the last event. */
  'instruction:update': (update: { instruction: InstructionState }) => void;
  /** It is gone, with its container. */
  'instruction:removed': (removal: { instructionId: string }) => void;
  /**
   * What the terminal writes. With `screen` the data begins to draw the whole screen, of that size, and takes the place of what
   * was shown before: once after `terminal:open`, and again for a client that did not keep up, or after DevForge lost the
   * terminal for a moment. It starts with a full reset (ESC c), so a terminal emulator needs to do nothing else.
   */
  'terminal:output': (output: { terminalId: string; data: string; screen?: { cols: number; rows: number } }) => void;
  /** The terminal has another size, in the order of the output. */
  'terminal:resized': (size: { terminalId: string; cols: number; rows: number }) => void;
  /** `exitCode` is null when nobody knows it: the container stopped, or the process that held the terminal is gone. */
  'terminal:exit': (end: {
    terminalId: string;
    exitCode: number | null;
    reason: 'exited' | 'container_stopped' | 'lost';
  }) => void;
}
