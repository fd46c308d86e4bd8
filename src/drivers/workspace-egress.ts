/** How a workspace reaches the network: directly, through the gateway to what its rules name, or not at all. */
export type EgressMode = 'open' | 'restricted' | 'none';

/** What a restricted workspace may reach. */
export interface EgressRule {
  /** An exact host name in lower case, or `*.` and a suffix, which stands for every name below it. */
  host: string;
  /** Never empty. */
  ports: number[];
}

export interface WorkspaceEgress {
  mode: EgressMode;
  /** Of a restricted workspace; ignored in the other modes. */
  allow: EgressRule[];
}

export type EgressDenialReason =
  /** No rule names this host with this port. */
  | 'not_allowed'
  /** The host is, or resolves to, an address that is not public. */
  | 'private_address'
  /** The TLS handshake, or the `Host` header, names another host. */
  | 'host_mismatch'
  /** Neither TLS, nor SSH (on port 443, to a host that a rule names without `*.`), nor plain HTTP to a host with a rule for its port. */
  | 'protocol';

/** A connection that was refused. Repeats within a minute are counted by the next one. */
export interface EgressDenial {
  /** DevForge's id of the container. */
  id: string;
  /** Counts the denials of this workspace, from 1. */
  seq: number;
  at: Date;
  /** As the workspace asked for it. */
  host: string;
  port: number;
  reason: EgressDenialReason;
  /** Of the same destination for the same reason, since the denial before. */
  attempts: number;
}

export const MODEL_PROBLEM_REASONS = [
  'credential_refused',
  'rate_limited',
  'overloaded',
  /** It answered with another error of its own. */
  'failed',
  'unreachable',
] as const;

/** Why the model's API did not answer a workspace last. */
export interface ModelProblem {
  reason: (typeof MODEL_PROBLEM_REASONS)[number];
  /** Of HTTP; null when there was no answer. */
  status: number | null;
  at: Date;
}

/** What the gateway adds to requests of a workspace, and the workspace never sees. */
export interface WorkspaceSecrets {
  /** The header for requests below {@link MODEL_API_URL}, which go to `baseUrl`; null when there is no credential. */
  modelApi: { baseUrl: string; header: string; value: string } | null;
  /** For Git over HTTPS; `host` may have a port. */
  git: { host: string; username: string; token: string }[];
  /** A header for requests below {@link secretHttpUrl}; `host` may have a port. */
  http: { host: string; header: string; value: string }[];
}

export const NO_SECRETS: WorkspaceSecrets = { modelApi: null, git: [], http: [] };
export const OPEN_EGRESS: WorkspaceEgress = { mode: 'open', allow: [] };

/** Where the gateway is reached inside every workspace: HTTP proxy and SOCKS5. */
export const GATEWAY_URL = 'http://127.0.0.1:3128';
/** The API of the model inside every workspace. */
export const MODEL_API_URL = `${GATEWAY_URL}/model`;

/** The same for one instruction, which is counted and limited apart. */
export function modelApiOf(instructionId?: string): string {
  return instructionId === undefined ? MODEL_API_URL : `${MODEL_API_URL}/instructions/${instructionId}`;
}

/** Where a workspace reaches an HTTPS host with the header of its secret. */
export function secretHttpUrl(host: string): string {
  return `${GATEWAY_URL}/http/${host}`;
}

/** Receives the denials of all workspaces at the engine. */
export interface DenialWatch {
  /** The last denial that is known of each workspace; those of others are reported from the first one that is kept. */
  after: ReadonlyMap<string, number>;
  onDenial: (denial: EgressDenial) => void;
  /** Called when a workspace, by DevForge's id, has spent something that was not fetched yet; at the start as well. */
  onSpend: (id: string) => void;
  /**
   * Called for each workspace, by DevForge's id, with a problem that it has at the start, and with every later one; with null
   * once the model's API answers. Problems of another watch, or of before, are not known to a gateway that has just started.
   */
  onModelProblem: (id: string, problem: ModelProblem | null) => void;
  /**
   * Called once denials are being received. The gateway may be a new one, which has no secrets: they are to be set again.
   */
  onReady: () => void;
}
