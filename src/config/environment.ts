import { applyDecorators } from '@nestjs/common';
import { plainToInstance, Transform } from 'class-transformer';
import {
  IsFQDN,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateBy,
  validateSync,
} from 'class-validator';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Rate } from '../common/concurrency/token-bucket.js';
import { GIT_EMAIL, GIT_NAME } from '../common/git-identity.js';
import { LIMITS } from '../common/limits.js';
import { decodeSecretKey, SECRET_KEYS } from '../common/secret-key-text.js';
import { listOf, missingOidcVariables, OidcEnvironment, oidcSettings } from './oidc-settings.js';
import { outerProxy } from './outer-proxy.js';
import type { DockerEndpoint, Settings } from './settings.js';
import { parseWarmPool } from './warm-pool-settings.js';

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const EGRESS_MODES = ['open', 'restricted', 'none'] as const;
type EgressDefault = (typeof EGRESS_MODES)[number];
const AGENT_VARIABLES = ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'ANTHROPIC_BASE_URL'] as const;
const webUrl = { require_tld: false, require_protocol: true, protocols: ['http', 'https'] };

/** A number for which 0 means no limit. */
const IsLimit = (): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }) => Number(value)),
    IsInt(),
    Min(0),
    Max(1_000_000),
  );

/** The environment variables with their independent defaults. */
class Environment extends OidcEnvironment {
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(65535)
  PORT = 3000;

  @IsNotEmpty()
  HOST = '0.0.0.0';

  @IsIn(['development', 'production', 'test'])
  NODE_ENV: Settings['nodeEnv'] = 'development';

  @IsIn(LOG_LEVELS)
  LOG_LEVEL = 'info';

  @IsString()
  CORS_ORIGIN = '*';

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(3600)
  KEEP_ALIVE_SECONDS = 75;

  @IsOptional()
  @IsUrl(webUrl)
  PUBLIC_URL?: string;

  @IsOptional()
  @IsFQDN({ require_tld: false }, { message: 'EDITOR_DOMAIN must be a host name without scheme and port' })
  EDITOR_DOMAIN?: string;

  @Matches(/^(?:loopback|linklocal|uniquelocal|[\d.]+(?:\/\d+)?|[\da-f:]+(?:\/\d+)?|[\s,])*$/i, {
    message: 'TRUSTED_PROXIES must be addresses or networks, loopback, linklocal or uniquelocal, separated by commas',
  })
  TRUSTED_PROXIES = 'loopback';

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(525_600)
  SESSION_IDLE_MINUTES = 12 * 60;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(8_760)
  SESSION_MAX_HOURS = 7 * 24;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(36_500)
  AUDIT_RETENTION_DAYS = 90;

  @IsOptional()
  @MinLength(16)
  DEVFORGE_TOKEN?: string;

  @Matches(SECRET_KEYS, {
    message: 'SECRETS_KEY must be 32 random bytes in base64 or hexadecimal, or several such keys separated by commas',
  })
  @IsOptional()
  SECRETS_KEY?: string;

  @IsNotEmpty()
  DATA_DIR = './.devforge';

  @IsOptional()
  @Matches(/^postgres(ql)?:\/\//, { message: 'DATABASE_URL must start with postgres:// or postgresql://' })
  DATABASE_URL?: string;

  @IsOptional()
  @Matches(/^rediss?:\/\//, { message: 'REDIS_URL must start with redis:// or rediss://' })
  REDIS_URL?: string;

  @IsNotEmpty()
  DOCKER_SOCKET_PATH = '/var/run/docker.sock';

  @IsOptional()
  @Matches(/^(unix|tcp|http|https|ssh):\/\//, {
    message: 'DOCKER_HOST must start with unix://, tcp://, http://, https:// or ssh://',
  })
  DOCKER_HOST?: string;

  @IsNotEmpty()
  SSH_KEYS_DIR = '~/.ssh';

  @IsOptional()
  @Matches(GIT_NAME, { message: 'GIT_NAME must be a name that git accepts, without angle brackets' })
  GIT_NAME?: string;

  @IsOptional()
  @Matches(GIT_EMAIL, { message: 'GIT_EMAIL must be an e-mail address' })
  GIT_EMAIL?: string;

  @IsNotEmpty()
  BASE_IMAGE = 'debian:bookworm-slim';

  @Matches(/^(?:[a-z\d*][\w.:/@*-]*|[\s,])*$/, {
    message: 'ALLOWED_IMAGES must be names of images, with * for any characters, separated by commas, or none',
  })
  ALLOWED_IMAGES = 'docker.io/library/*';

  @IsOptional()
  @IsString()
  EXTRA_CA_CERTS?: string;

  @IsOptional()
  @IsString()
  MODEL_PRICES_FILE?: string;

  @Matches(/^(?:(?:\*\.)?[a-z\d.-]+|[\d.]+\/\d+|[\da-f:]+(?:\/\d+)?|[\s,])*$/i, {
    message: 'EGRESS_PRIVATE_HOSTS must be host names, addresses or networks, separated by commas',
  })
  EGRESS_PRIVATE_HOSTS = '';

  @Matches(/^[a-z\d][a-z\d_.-]+$/i, { message: 'EGRESS_GATEWAY_NAME must be a name for a container' })
  EGRESS_GATEWAY_NAME = 'devforge-gateway';

  @IsIn(EGRESS_MODES)
  EGRESS_INTERACTIVE: EgressDefault = 'open';

  @IsIn(EGRESS_MODES)
  EGRESS_AUTONOMOUS: EgressDefault = 'restricted';

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(10_000_000)
  INSTRUCTION_MAX_EVENTS = 500_000;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(16_384)
  INSTRUCTION_MAX_OUTPUT_MB = 256;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(16_777_216)
  INSTRUCTION_STORAGE_MB = 10_240;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(LIMITS.instructionTimeoutSeconds)
  INSTRUCTION_TIMEOUT_SECONDS = 6 * 60 * 60;

  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(0)
  @Max(LIMITS.stopAfterMinutes)
  IDLE_STOP_MINUTES = 0;

  @ValidateBy({
    name: 'warmPool',
    validator: {
      validate: (value) => typeof value === 'string' && parseWarmPool(value) !== null,
      defaultMessage: () => 'WARM_POOL must be a list like claude=2,both/restricted=1..5, with sizes up to 100',
    },
  })
  WARM_POOL = '';

  @IsLimit()
  RATE_LIMIT_REQUESTS = 12_000;

  @IsLimit()
  RATE_LIMIT_CREATES = 120;

  @IsLimit()
  RATE_LIMIT_MESSAGES = 12_000;

  @IsLimit()
  MAX_SOCKETS = 1_000;

  @IsLimit()
  MAX_SUBSCRIPTIONS = 10_000;

  @IsLimit()
  MAX_QUEUED = 500;

  @IsOptional()
  @IsString()
  ANTHROPIC_API_KEY?: string;

  @IsOptional()
  @IsString()
  CLAUDE_CODE_OAUTH_TOKEN?: string;

  @IsOptional()
  @IsUrl(webUrl)
  ANTHROPIC_BASE_URL?: string;
}

/** Lists every invalid setting, one per line. */
export class InvalidEnvironmentError extends Error {
  constructor(readonly problems: string[]) {
    super(
      `The settings are not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\nSee .env.example for what each one means.`,
    );
  }
}

/**
 * Converts environment variables to settings. Empty variables count as unset.
 * @throws InvalidEnvironmentError with every problem found
 */
export function readSettings(variables: Record<string, string | undefined>): Settings {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const env = plainToInstance(Environment, set, { exposeDefaultValues: true });
  const problems = validateSync(env, { skipMissingProperties: false }).flatMap((error) => {
    // What is no number violates its bounds as well.
    const messages = Number.isNaN(error.value)
      ? [`${error.property} must be a number`]
      : Object.values(error.constraints ?? {});
    return messages.map((message) => `${message} (got ${describe(error.property, set[error.property])})`);
  });
  problems.push(...missingOidcVariables(env));
  if (problems.length > 0) throw new InvalidEnvironmentError(problems);

  const publicUrl = (env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).replace(/\/+$/, '');
  return {
    port: env.PORT,
    host: env.HOST,
    nodeEnv: env.NODE_ENV,
    logLevel: env.LOG_LEVEL,
    corsOrigins: listOf(env.CORS_ORIGIN),
    publicUrl,
    editorDomain: env.EDITOR_DOMAIN?.toLowerCase() ?? localDomain(publicUrl),
    trustedProxies: listOf(env.TRUSTED_PROXIES),
    sessions: { idleMs: env.SESSION_IDLE_MINUTES * MINUTE_MS, lifetimeMs: env.SESSION_MAX_HOURS * 60 * MINUTE_MS },
    oidc: oidcSettings(env),
    auditRetentionMs: env.AUDIT_RETENTION_DAYS === 0 ? null : env.AUDIT_RETENTION_DAYS * 24 * 60 * MINUTE_MS,
    token: env.DEVFORGE_TOKEN,
    secretsKeys: listOf(env.SECRETS_KEY ?? '').map(decodeSecretKey),
    dataDir: absolute(env.DATA_DIR),
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    docker: dockerEndpoint(env),
    keepAliveSeconds: env.KEEP_ALIVE_SECONDS,
    instructionOutput: {
      maxEvents: env.INSTRUCTION_MAX_EVENTS,
      maxBytes: env.INSTRUCTION_MAX_OUTPUT_MB * MIB,
      storageBytes: env.INSTRUCTION_STORAGE_MB * MIB,
    },
    sshKeysDir: absolute(env.SSH_KEYS_DIR),
    gitIdentity: { name: env.GIT_NAME, email: env.GIT_EMAIL },
    baseImage: env.BASE_IMAGE,
    allowedImages: env.ALLOWED_IMAGES === 'none' ? [] : listOf(env.ALLOWED_IMAGES),
    extraCaCerts: env.EXTRA_CA_CERTS === undefined ? undefined : absolute(env.EXTRA_CA_CERTS),
    modelPricesFile: env.MODEL_PRICES_FILE === undefined ? undefined : absolute(env.MODEL_PRICES_FILE),
    egress: {
      privateHosts: listOf(env.EGRESS_PRIVATE_HOSTS).map((host) => host.toLowerCase()),
      gatewayName: env.EGRESS_GATEWAY_NAME,
      outerProxy: outerProxy(variables),
    },
    egressDefaults: { interactive: env.EGRESS_INTERACTIVE, autonomous: env.EGRESS_AUTONOMOUS },
    warmPool: parseWarmPool(env.WARM_POOL) ?? [],
    idleStopMinutes: env.IDLE_STOP_MINUTES === 0 ? null : env.IDLE_STOP_MINUTES,
    instructionTimeoutSeconds: env.INSTRUCTION_TIMEOUT_SECONDS === 0 ? null : env.INSTRUCTION_TIMEOUT_SECONDS,
    rateLimits: {
      requests: rateOf(env.RATE_LIMIT_REQUESTS, 10),
      creates: rateOf(env.RATE_LIMIT_CREATES, 60),
      messages: rateOf(env.RATE_LIMIT_MESSAGES, 10),
    },
    concurrencyLimits: {
      sockets: env.MAX_SOCKETS || Infinity,
      subscriptions: env.MAX_SUBSCRIPTIONS || Infinity,
      queued: env.MAX_QUEUED || Infinity,
    },
    agentEnv: Object.fromEntries(
      AGENT_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
    ),
  };
}

/** @param burstSeconds what is allowed in this time may be used at once */
function rateOf(perMinute: number, burstSeconds: number): Rate | null {
  const perSecond = perMinute / 60;
  return perMinute === 0 ? null : { perSecond, burst: Math.max(1, Math.round(perSecond * burstSeconds)) };
}

function dockerEndpoint(env: Environment): DockerEndpoint {
  if (env.DOCKER_HOST === undefined) return { kind: 'socket', socketPath: env.DOCKER_SOCKET_PATH };
  return env.DOCKER_HOST.startsWith('unix://')
    ? { kind: 'socket', socketPath: env.DOCKER_HOST.slice('unix://'.length) || env.DOCKER_SOCKET_PATH }
    : { kind: 'host', url: env.DOCKER_HOST };
}

/** Browsers resolve every name below `localhost` to this machine, without DNS. */
function localDomain(publicUrl: string): string | null {
  return new URL(publicUrl).hostname === 'localhost' ? 'localhost' : null;
}

function absolute(path: string): string {
  const expanded = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
  return isAbsolute(expanded) ? expanded : resolve(expanded);
}

const SECRET = /TOKEN|KEY|URL|SECRET/;
function describe(property: string, value: unknown): string {
  return SECRET.test(property) ? 'a value that is not shown' : JSON.stringify(value);
}
