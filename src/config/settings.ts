import type { Rate } from '../common/concurrency/token-bucket.js';
import type { GitIdentity } from '../common/git-identity.js';
import type { WarmPoolSize } from './warm-pool-settings.js';

/** All settings of the server, validated once at boot. Injection token and type. */
export abstract class Settings {
  readonly port: number;
  readonly host: string;
  readonly nodeEnv: 'development' | 'production' | 'test';
  readonly logLevel: string;
  /** Origins a browser may call from; `['*']` allows all. */
  readonly corsOrigins: string[];
  /** Base of all links to DevForge, without a trailing slash. */
  readonly publicUrl: string;
  /** Domain whose subdomains serve VS Code and the ports of containers; null when VS Code is served by path. */
  readonly editorDomain: string | null;
  /** Addresses of reverse proxies whose `X-Forwarded-For` is believed, in the form of Express. */
  readonly trustedProxies: string[];
  /** After how many milliseconds without a request a browser's session ends, and after how many in any case. */
  readonly sessions: { readonly idleMs: number; readonly lifetimeMs: number };
  /** The OpenID provider that users may sign in with; null for none. */
  readonly oidc: OidcSettings | null;
  /** How long audit events are kept; null for ever. */
  readonly auditRetentionMs: number | null;
  /** The administrator's bearer token; undefined when DevForge generates it. */
  readonly token: string | undefined;
  /** Keys of 32 bytes that credentials are encrypted with: the first encrypts, the others decrypt. Empty for a generated one. */
  readonly secretsKeys: readonly Buffer[];
  /** Absolute path of the directory for the embedded database, keys and caches. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly docker: DockerEndpoint;
  /** Absolute path of the only directory that `sshKeyPath` may point into. */
  readonly sshKeysDir: string;
  /** Who commits are by in containers that do not say it. */
  readonly gitIdentity: Readonly<GitIdentity>;
  /** What one run may store of events, and how many bytes of output all instructions may take together; 0 for no limit. */
  readonly instructionOutput: { readonly maxEvents: number; readonly maxBytes: number; readonly storageBytes: number };
  /** How long an idle HTTP connection is kept open. */
  readonly keepAliveSeconds: number;
  readonly baseImage: string;
  /** Patterns of the images that containers may be made of. */
  readonly allowedImages: readonly string[];
  readonly egress: EgressSettings;
  /** Absolute path of a PEM bundle that image builds and containers trust. */
  readonly extraCaCerts: string | undefined;
  /** Absolute path of the price list of models; undefined for the one of this release. */
  readonly modelPricesFile: string | undefined;
  /** What containers of each mode may reach when nothing else is asked for. */
  readonly egressDefaults: Readonly<Record<'interactive' | 'autonomous', 'open' | 'restricted' | 'none'>>;
  /** The time limit of an instruction that has none of its own; null for no limit. */
  readonly instructionTimeoutSeconds: number | null;
  /** Of containers that say nothing of it: after so long without activity they are stopped; null for never. */
  readonly idleStopMinutes: number | null;
  /** Workspaces that are created ahead; none without an entry. */
  readonly warmPool: readonly WarmPoolSize[];
  /** How often each principal may do something; null for no limit. */
  readonly rateLimits: Readonly<Record<RateLimitName, Rate | null>>;
  /** How much each principal may have at a time; Infinity for no limit. */
  readonly concurrencyLimits: Readonly<Record<ConcurrencyLimitName, number>>;
  /** The operator's credential and API endpoint for agents, as environment variables. */
  readonly agentEnv: Readonly<Record<string, string>>;
}

/** Requests, containers made, and messages by sockets. */
export type RateLimitName = 'requests' | 'creates' | 'messages';
/** Open sockets and their subscriptions, in one process; containers that are being made. */
export type ConcurrencyLimitName = 'sockets' | 'subscriptions' | 'queued';

export interface EgressSettings {
  /** Host names, addresses and networks that workspaces may reach through the gateway although they are not public. */
  readonly privateHosts: readonly string[];
  /** Of the gateway's container, network and volume: servers with the same name share it. */
  readonly gatewayName: string;
  readonly outerProxy: OuterProxy | null;
}

/** The proxy of the operator's network, through which the egress gateway connects. */
export interface OuterProxy {
  /** URL of the proxy for TLS and SSH, and for plain HTTP; null for none. */
  readonly https: string | null;
  readonly http: string | null;
  /** Hosts, domains with what is below them, addresses and networks that are reached without it; `*` for all. */
  readonly direct: readonly string[];
}

/** Where the Docker engine listens: a Unix socket, or an address in the form of `DOCKER_HOST`. */
export type DockerEndpoint = { kind: 'socket'; socketPath: string } | { kind: 'host'; url: string };

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** As people know the provider. */
  readonly name: string;
  /** Separated by spaces. */
  readonly scopes: string;
  /** Whether emails count as verified for which the provider does not say it. */
  readonly trustsEmail: boolean;
  /** Domains of verified emails whose owners are made users at the first sign-in; `*` for all. */
  readonly newUserDomains: readonly string[];
  /** The claim with the names of a user's groups. */
  readonly groupsClaim: string;
  /** Members of these groups are made users at the first sign-in as well. */
  readonly groupRoles: readonly GroupRole[];
}

/** What the members of a provider's group are: administrators or users, or members of a project with a role. */
export type GroupRole = { readonly group: string } & (
  | { readonly kind: 'platform'; readonly role: 'admin' | 'user' }
  | { readonly kind: 'project'; readonly project: string; readonly role: 'viewer' | 'member' | 'owner' }
);
