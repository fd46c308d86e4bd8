/** Everything the operator can set, validated once at boot. Injection token and type. */
export abstract class Settings {
  readonly port: number;
  readonly host: string;
  readonly nodeEnv: 'development' | 'production' | 'test';
  readonly logLevel: string;
  /** Origins a browser may call from; `['*']` allows all. */
  readonly corsOrigins: string[];
  /** Base of the links that DevForge hands out, without a trailing slash. */
  readonly publicUrl: string;
  /** Name under which every container's VS Code and ports get a sub-domain; null where they have a path each. */
  readonly editorDomain: string | null;
  /** First administrator's bearer token; undefined when DevForge makes one. */
  readonly token: string | undefined;
  /** Absolute path of the folder for the embedded database, keys and caches. */
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly docker: DockerEndpoint;
  /** Absolute path of the only folder `sshKeyPath` may point into. */
  readonly sshKeysDir: string;
  readonly baseImage: string;
  /** Absolute path of a PEM bundle that image builds and containers trust. */
  readonly extraCaCerts: string | undefined;
  /** The operator's own credential and endpoint for agents. */
  readonly agentEnv: Readonly<Record<string, string>>;
}

/** Where the engine listens: a Unix socket, or an address in the form of Docker's own `DOCKER_HOST`. */
export type DockerEndpoint = { kind: 'socket'; socketPath: string } | { kind: 'host'; url: string };
