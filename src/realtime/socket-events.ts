/**
 * Everything that travels over Socket.io. This file imports nothing, so a client can take it as it is:
 * `io(url, { auth: { token } }) as Socket<ServerToClientEvents, ClientToServerEvents>`.
 */

export interface SocketError {
  code: string;
  message: string;
}

/** What every client event is answered with. */
export type Acknowledgement<Details extends object = object> = ({ ok: true } & Details) | { ok: false; error: SocketError };

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
  'subscribe:logs': (payload: { containerId: string; tail?: number; stream?: 'all' | 'stdout' | 'stderr' }, ack?: Ack) => void;
  'unsubscribe:logs': (payload: { containerId: string }, ack?: Ack) => void;
  /** `after`: the `seq` that was seen last. */
  'subscribe:instruction': (payload: { instructionId: string; after?: number }, ack?: Ack) => void;
  'unsubscribe:instruction': (payload: { instructionId: string }, ack?: Ack) => void;
}

export interface ServerToClientEvents {
  'metrics:update': (update: { containerId: string; metrics: ContainerMetrics }) => void;
  'metrics:error': (failure: { containerId: string; error: SocketError }) => void;
  'status:update': (update: StatusUpdate) => void;
  'status:removed': (removal: { containerId: string; at: string }) => void;
  'logs:initial': (lines: { containerId: string; lines: LogLine[] }) => void;
  'logs:update': (lines: { containerId: string; lines: LogLine[] }) => void;
  'logs:dropped': (loss: { containerId: string; count: number }) => void;
  'logs:end': (end: { containerId: string; reason: string }) => void;
  'logs:error': (failure: { containerId: string; error: SocketError }) => void;
  /** `event` as Claude Code printed it; `seq` from 1, without a gap. */
  'instruction:event': (event: { instructionId: string; seq: number; event: unknown }) => void;
  /** First how it is, then whenever more than its events has changed; the last one comes after the last event. */
  'instruction:update': (update: { instruction: InstructionState }) => void;
  /** It is gone, with its container. */
  'instruction:removed': (removal: { instructionId: string }) => void;
}
