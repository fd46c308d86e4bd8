/**
 * All Socket.io events with their payloads. This file imports nothing, so that a client can copy it as it is:
 * `io(url, { auth: { token } }) as Socket<ServerToClientEvents, ClientToServerEvents>`.
 */

export interface SocketError {
  code: string;
  message: string;
}

/** The answer to every client event. */
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
  /** With several sessions the most urgent state is shown: `waiting` before `working` before `idle`. */
  state: 'none' | 'idle' | 'working' | 'waiting';
  since: string | null;
  /** The open question that keeps the agent waiting: the tool that it asks to use, and the beginning of its command, path or question. */
  waitingFor: { tool: string | null; text: string } | null;
  /** Why the API of the model refused the last request for a model, with its HTTP status; null once it has answered one. */
  modelProblem: {
    reason: 'credential_refused' | 'rate_limited' | 'overloaded' | 'failed' | 'unreachable';
    status: number | null;
    at: string;
  } | null;
}

export interface StatusUpdate {
  containerId: string;
  status: ContainerStatusWord;
  statusReason: { code: string; message: string } | null;
  /** null while it is unknown; `none` in a container in which no agent can run. */
  agent: AgentState | null;
  /** While its agent waits for a person: when it is stopped unless somebody answers or uses it. */
  waitingStopAt: string | null;
  job: JobState | null;
  /** When the container last changed. */
  at: string;
}

export interface ContainerMetrics {
  containerId: string;
  timestamp: string;
  /** 100 is one core. */
  cpu: { percent: number; limitPercent: number };
  memory: { usedMB: number; limitMB: number; percent: number };
  /** null until the first measurement. */
  disk: { usedMB: number | null; limitMB: number; percent: number | null };
  network: { rxBytes: number; txBytes: number; rxBytesPerSecond: number; txBytesPerSecond: number };
  pids: number;
  /** As `agent` of the container. While that is unknown, `state` is null and `active` says whether Claude Code runs; null where processes cannot be seen. */
  agent: (Omit<AgentState, 'state'> & { state: AgentState['state'] | null }) | null;
}

export interface LogLine {
  /** The engine's timestamp, RFC 3339 with nanoseconds. */
  timestamp: string;
  stream: 'stdout' | 'stderr';
  message: string;
  /** What the line names as its source, in brackets at its beginning. Any program in the container can write any. */
  source?: string;
}

export interface InstructionState {
  id: string;
  containerId: string;
  prompt: string;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timed_out';
  statusReason: { code: string; message: string } | null;
  sessionId: string | null;
  result: string | null;
  /** So far, or in all. null while nothing was used, or when the price of a model is not known. */
  costUsd: number | null;
  /** Whether `costUsd` is computed from list prices: while it runs, or when it ended before Claude Code reported the cost. */
  costEstimated: boolean;
  /** So far, or in all. */
  turns: number | null;
  /** So far, or in all; the output tokens of a message are known only at the end. */
  usage: Record<string, unknown> | null;
  /** Seconds after which it times out. */
  timeoutSeconds: number | null;
  /** Permissions that it waits for now. */
  permissions: { requestId: string; toolName: string; input: unknown; askedAt: string }[];
  /** null until it has finished. */
  diff: {
    bytes: number;
    truncated: boolean;
    /** null for instructions of earlier releases. */
    files: number | null;
    insertions: number | null;
    deletions: number | null;
  } | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  /** Sequence number of the latest event; 0 when there is none. */
  lastSeq: number;
}

export interface EgressRule {
  /** A host name, or `*.` and a domain, which stands for every name below it. */
  host: string;
  ports: number[];
}

/** A connection of a container that was refused. */
export interface EgressDenial {
  /** Counts the denials of the container, from 1. */
  seq: number;
  at: string;
  /** As the container asked for it. */
  host: string;
  port: number;
  /**
   * `not_allowed`: no rule names it; `private_address`: it is not a public address; `host_mismatch`: TLS or HTTP named
   * another host; `protocol`: neither TLS, nor SSH on a port other than 443, nor plain HTTP as a proxy is asked for it.
   */
  reason: 'not_allowed' | 'private_address' | 'host_mismatch' | 'protocol';
  /** Of the same destination for the same reason, since the denial before. */
  attempts: number;
  /** The rule for `egressAllow` that would allow it; null when none can. */
  rule: EgressRule | null;
}

export interface ClientToServerEvents {
  /** `interval` in milliseconds, 500 to 60000. */
  'subscribe:metrics': (payload: { containerId: string; interval?: number }, ack?: Ack) => void;
  /** Ends the subscription; one that does not exist is no error. */
  'unsubscribe:metrics': (payload: { containerId: string }, ack?: Ack) => void;
  /** Status, agent and job of one container, or of all that the client may see: first as they are, then at every change. */
  'subscribe:status': (payload: { containerId?: string }, ack?: Ack) => void;
  /** Ends the subscription of that container, or the one of all. */
  'unsubscribe:status': (payload: { containerId?: string }, ack?: Ack) => void;
  /** `tail`: how many of the last lines come first, 200 by default and 10000 at most. A repeated subscription starts over. */
  'subscribe:logs': (
    payload: { containerId: string; tail?: number; stream?: 'all' | 'stdout' | 'stderr'; source?: string },
    ack?: Ack,
  ) => void;
  /** Ends the subscription. */
  'unsubscribe:logs': (payload: { containerId: string }, ack?: Ack) => void;
  /** `after`: the `seq` of the last event that the client has. */
  'subscribe:instruction': (payload: { instructionId: string; after?: number }, ack?: Ack) => void;
  /** Ends the subscription. */
  'unsubscribe:instruction': (payload: { instructionId: string }, ack?: Ack) => void;
  /** Starts a shell, or with `terminalId` attaches to a running terminal and shows its screen. 1 to 1000 columns and rows. */
  'terminal:open': (
    payload: { containerId: string; cols: number; rows: number; terminalId?: string },
    ack?: Ack<{ terminalId: string }>,
  ) => void;
  /**
   * At most 1048576 characters a message. Messages take effect in the order in which they are sent. Acknowledged when the
   * program has been given the input; one that reads nothing makes it wait.
   */
  'terminal:input': (payload: { terminalId: string; data: string }, ack?: Ack) => void;
  /** The latest request of any attached client wins. */
  'terminal:resize': (payload: { terminalId: string; cols: number; rows: number }, ack?: Ack) => void;
  /** Detaches from a terminal, which keeps running. */
  'terminal:detach': (payload: { terminalId: string }, ack?: Ack) => void;
  /** Ends a terminal and everything that runs in it. */
  'terminal:close': (payload: { terminalId: string }, ack?: Ack) => void;
}

export interface ServerToClientEvents {
  /** At every interval of the subscription. */
  'metrics:update': (update: { containerId: string; metrics: ContainerMetrics }) => void;
  /** Once, when there are no metrics any more, as of a container that has stopped; updates follow when there are some again. */
  'metrics:error': (failure: { containerId: string; error: SocketError }) => void;
  /** Sent upon subscribing and at every change. */
  'status:update': (update: StatusUpdate) => void;
  /** A connection of the container was refused. Of many at once a slow client gets the latest. */
  'egress:denied': (event: { containerId: string; denial: EgressDenial }) => void;
  /** The container was removed. */
  'status:removed': (removal: { containerId: string; at: string }) => void;
  /** The last lines, once, before any update. */
  'logs:initial': (lines: { containerId: string; lines: LogLine[] }) => void;
  /** Further lines, without gap or repetition. */
  'logs:update': (lines: { containerId: string; lines: LogLine[] }) => void;
  /** `count` is null when the engine rotated lines away before they were read, so that their number is unknown. */
  'logs:dropped': (loss: { containerId: string; count: number | null }) => void;
  /** The container has stopped or was removed, as `reason` says. After a stop the subscription goes on with the next start. */
  'logs:end': (end: { containerId: string; reason: string }) => void;
  /** The log cannot be read. */
  'logs:error': (failure: { containerId: string; error: SocketError }) => void;
  /** `event` as printed by Claude Code; `seq` starts at 1 and has no gaps. */
  'instruction:event': (event: { instructionId: string; seq: number; event: unknown }) => void;
  /** Sent upon subscribing and whenever something other than its events has changed, turns and cost included; the last one follows the last event. */
  'instruction:update': (update: { instruction: InstructionState }) => void;
  /** The instruction was removed with its container. */
  'instruction:removed': (removal: { instructionId: string }) => void;
  /**
   * Output of the terminal. With `screen` the data redraws the whole screen, of that size, and replaces what was shown
   * before: once after `terminal:open`, and again for a client that did not keep up or after DevForge lost its connection to
   * the terminal. It starts with a full reset (ESC c), so a terminal emulator needs no special handling.
   */
  'terminal:output': (output: { terminalId: string; data: string; screen?: { cols: number; rows: number } }) => void;
  /** The terminal was resized; ordered with respect to the output. */
  'terminal:resized': (size: { terminalId: string; cols: number; rows: number }) => void;
  /** `exitCode` is null when it is unknown: the container stopped, or the PTY host of the terminal is gone. */
  'terminal:exit': (end: {
    terminalId: string;
    exitCode: number | null;
    reason: 'exited' | 'container_stopped' | 'lost';
  }) => void;
}
