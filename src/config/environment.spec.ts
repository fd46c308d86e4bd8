import { describe, expect, it } from '@jest/globals';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InvalidEnvironmentError, readSettings } from './environment.js';

const MIB = 1024 * 1024;

function problemsOf(variables: Record<string, string>): string[] {
  try {
    readSettings(variables);
    return [];
  } catch (error) {
    if (error instanceof InvalidEnvironmentError) return error.problems;
    throw error;
  }
}

describe('readSettings', () => {
  it('has a default for every setting', () => {
    expect(readSettings({})).toEqual({
      port: 3000,
      host: '0.0.0.0',
      nodeEnv: 'development',
      logLevel: 'info',
      corsOrigins: ['*'],
      publicUrl: 'http://localhost:3000',
      editorDomain: 'localhost',
      trustedProxies: ['loopback'],
      sessions: { idleMs: 12 * 3_600_000, lifetimeMs: 7 * 24 * 3_600_000 },
      oidc: null,
      auditRetentionMs: 90 * 24 * 3_600_000,
      token: undefined,
      secretsKeys: [],
      dataDir: resolve('.devforge'),
      databaseUrl: undefined,
      redisUrl: undefined,
      docker: { kind: 'socket', socketPath: '/var/run/docker.sock' },
      sshKeysDir: join(homedir(), '.ssh'),
      gitIdentity: {},
      instructionOutput: { maxEvents: 500_000, maxBytes: 256 * MIB, storageBytes: 10_240 * MIB },
      keepAliveSeconds: 75,
      baseImage: 'debian:bookworm-slim',
      allowedImages: ['docker.io/library/*'],
      extraCaCerts: undefined,
      egress: { privateHosts: [], gatewayName: 'devforge-gateway', outerProxy: null },
      egressDefaults: { interactive: 'open', autonomous: 'restricted' },
      idleStopMinutes: null,
      warmPool: [],
      instructionTimeoutSeconds: 21_600,
      rateLimits: {
        requests: { perSecond: 200, burst: 2_000 },
        creates: { perSecond: 2, burst: 120 },
        messages: { perSecond: 200, burst: 2_000 },
      },
      concurrencyLimits: { sockets: 1_000, subscriptions: 10_000, queued: 500 },
      agentEnv: {},
    });
  });

  it('takes keys for credentials in base64 and hexadecimal, and shows none that is not valid', () => {
    const [one, other] = [Buffer.alloc(32, 'a'), Buffer.alloc(32, 'b')];
    const text = `${one.toString('base64')}, ${other.toString('hex')}`;
    expect(readSettings({ SECRETS_KEY: text }).secretsKeys).toEqual([one, other]);
    for (const wrong of ['hunter2', `${text},`, `${text},hunter2`]) {
      const [problem, ...more] = problemsOf({ SECRETS_KEY: wrong });
      expect(problem).toContain('SECRETS_KEY must be 32 random bytes');
      expect(problem).not.toMatch(/hunter2|YWFh/);
      expect(more).toEqual([]);
    }
  });

  it('takes limits of instructions and the time of idle connections as whole numbers', () => {
    const set = { INSTRUCTION_MAX_EVENTS: '5', INSTRUCTION_MAX_OUTPUT_MB: '2', INSTRUCTION_STORAGE_MB: '0' };
    expect(readSettings({ ...set, KEEP_ALIVE_SECONDS: '120' })).toMatchObject({
      instructionOutput: { maxEvents: 5, maxBytes: 2 * MIB, storageBytes: 0 },
      keepAliveSeconds: 120,
    });
    for (const name of [...Object.keys(set), 'KEEP_ALIVE_SECONDS'])
      expect(problemsOf({ [name]: '1.5' }).join()).toContain(name);
  });

  it('keeps audit events for ever when AUDIT_RETENTION_DAYS is 0', () => {
    expect(readSettings({ AUDIT_RETENTION_DAYS: '0' }).auditRetentionMs).toBeNull();
    expect(readSettings({ AUDIT_RETENTION_DAYS: '1' }).auditRetentionMs).toBe(24 * 3_600_000);
    expect(problemsOf({ AUDIT_RETENTION_DAYS: '-1' }).join()).toContain('AUDIT_RETENTION_DAYS');
  });

  it('treats an empty variable as unset', () => {
    const names = [
      'PORT',
      'HOST',
      'NODE_ENV',
      'LOG_LEVEL',
      'CORS_ORIGIN',
      'PUBLIC_URL',
      'EDITOR_DOMAIN',
      'TRUSTED_PROXIES',
      'SESSION_IDLE_MINUTES',
      'SESSION_MAX_HOURS',
      'AUDIT_RETENTION_DAYS',
      'DEVFORGE_TOKEN',
      'DATA_DIR',
      'DATABASE_URL',
      'REDIS_URL',
      'DOCKER_SOCKET_PATH',
      'DOCKER_HOST',
      'SSH_KEYS_DIR',
      'GIT_NAME',
      'GIT_EMAIL',
      'BASE_IMAGE',
      'EXTRA_CA_CERTS',
      'EGRESS_PRIVATE_HOSTS',
      'EGRESS_GATEWAY_NAME',
      'ANTHROPIC_API_KEY',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'ANTHROPIC_BASE_URL',
    ];
    expect(readSettings(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readSettings({}));
  });

  it('reads every variable', () => {
    expect(
      readSettings({
        PORT: '8080',
        HOST: '127.0.0.1',
        NODE_ENV: 'production',
        LOG_LEVEL: 'debug',
        CORS_ORIGIN: 'https://a.example, https://b.example,',
        PUBLIC_URL: 'https://dev.example.org/',
        EDITOR_DOMAIN: 'Dev.example.org',
        TRUSTED_PROXIES: 'loopback, 10.0.0.0/8',
        SESSION_IDLE_MINUTES: '30',
        SESSION_MAX_HOURS: '24',
        DEVFORGE_TOKEN: 'sixteen-letters!',
        SECRETS_KEY: 'A'.repeat(43),
        DATA_DIR: '/data',
        DATABASE_URL: 'postgres://u:p@db/x',
        REDIS_URL: 'rediss://r:6379',
        DOCKER_SOCKET_PATH: '/run/other.sock',
        SSH_KEYS_DIR: '~/keys',
        GIT_NAME: 'Ada Lovelace',
        GIT_EMAIL: 'ada@example.org',
        BASE_IMAGE: 'debian:trixie',
        ALLOWED_IMAGES: 'docker.io/library/*, registry.example.org/team/*',
        EXTRA_CA_CERTS: 'ca.pem',
        ANTHROPIC_API_KEY: 'k',
        CLAUDE_CODE_OAUTH_TOKEN: 't',
        ANTHROPIC_BASE_URL: 'http://gateway:4000',
        EGRESS_PRIVATE_HOSTS: 'Git.example.org, 10.1.0.0/16',
        EGRESS_GATEWAY_NAME: 'my-gateway',
        EGRESS_INTERACTIVE: 'none',
        EGRESS_AUTONOMOUS: 'open',
        IDLE_STOP_MINUTES: '30',
        WARM_POOL: 'claude=2, both/restricted=1..5',
        INSTRUCTION_TIMEOUT_SECONDS: '0',
        RATE_LIMIT_REQUESTS: '6',
        RATE_LIMIT_CREATES: '30',
        RATE_LIMIT_MESSAGES: '0',
        MAX_SOCKETS: '5',
        MAX_SUBSCRIPTIONS: '6',
        MAX_QUEUED: '0',
        UNKNOWN: 'ignored',
      }),
    ).toEqual({
      port: 8080,
      oidc: null,
      host: '127.0.0.1',
      nodeEnv: 'production',
      instructionOutput: { maxEvents: 500_000, maxBytes: 256 * MIB, storageBytes: 10_240 * MIB },
      keepAliveSeconds: 75,
      logLevel: 'debug',
      corsOrigins: ['https://a.example', 'https://b.example'],
      publicUrl: 'https://dev.example.org',
      editorDomain: 'dev.example.org',
      trustedProxies: ['loopback', '10.0.0.0/8'],
      sessions: { idleMs: 30 * 60_000, lifetimeMs: 24 * 3_600_000 },
      auditRetentionMs: 90 * 24 * 3_600_000,
      token: 'sixteen-letters!',
      secretsKeys: [Buffer.alloc(32)],
      dataDir: '/data',
      databaseUrl: 'postgres://u:p@db/x',
      redisUrl: 'rediss://r:6379',
      docker: { kind: 'socket', socketPath: '/run/other.sock' },
      sshKeysDir: join(homedir(), 'keys'),
      gitIdentity: { name: 'Ada Lovelace', email: 'ada@example.org' },
      baseImage: 'debian:trixie',
      allowedImages: ['docker.io/library/*', 'registry.example.org/team/*'],
      extraCaCerts: resolve('ca.pem'),
      egress: { privateHosts: ['git.example.org', '10.1.0.0/16'], gatewayName: 'my-gateway', outerProxy: null },
      egressDefaults: { interactive: 'none', autonomous: 'open' },
      idleStopMinutes: 30,
      warmPool: [
        { template: 'claude', fenced: false, min: 2, max: 2 },
        { template: 'both', fenced: true, min: 1, max: 5 },
      ],
      instructionTimeoutSeconds: null,
      rateLimits: {
        requests: { perSecond: 0.1, burst: 1 },
        creates: { perSecond: 0.5, burst: 30 },
        messages: null,
      },
      concurrencyLimits: { sockets: 5, subscriptions: 6, queued: Infinity },
      agentEnv: { ANTHROPIC_API_KEY: 'k', CLAUDE_CODE_OAUTH_TOKEN: 't', ANTHROPIC_BASE_URL: 'http://gateway:4000' },
    });
  });

  it('derives the public URL from the port', () => {
    expect(readSettings({ PORT: '8080' }).publicUrl).toBe('http://localhost:8080');
  });

  it.each([
    ['unix://', { kind: 'socket', socketPath: '/elsewhere' }],
    ['unix:///run/user/1000/docker.sock', { kind: 'socket', socketPath: '/run/user/1000/docker.sock' }],
    ['tcp://engine:2376', { kind: 'host', url: 'tcp://engine:2376' }],
    ['http://engine:2375', { kind: 'host', url: 'http://engine:2375' }],
    ['https://engine:2376', { kind: 'host', url: 'https://engine:2376' }],
    ['ssh://me@engine', { kind: 'host', url: 'ssh://me@engine' }],
  ])('prefers DOCKER_HOST=%s to DOCKER_SOCKET_PATH', (host, endpoint) => {
    expect(readSettings({ DOCKER_HOST: host, DOCKER_SOCKET_PATH: '/elsewhere' }).docker).toEqual(endpoint);
  });

  it('reports all problems together, each with its variable', () => {
    const problems = problemsOf({
      PORT: '70000',
      NODE_ENV: 'staging',
      LOG_LEVEL: 'loud',
      PUBLIC_URL: 'dev.example.org',
      EDITOR_DOMAIN: 'https://dev.example.org:3000',
      DEVFORGE_TOKEN: 'short',
      DATABASE_URL: 'mysql://u:hunter2@db',
      REDIS_URL: 'http://:hunter2@r',
      DOCKER_HOST: 'engine:2375',
      GIT_NAME: 'Ada <ada@example.org>',
      GIT_EMAIL: 'ada',
      ANTHROPIC_BASE_URL: 'gateway',
    });
    const named = problems.map((problem) => problem.split(' ')[0]);
    expect(named).toEqual([
      'PORT',
      'NODE_ENV',
      'LOG_LEVEL',
      'PUBLIC_URL',
      'EDITOR_DOMAIN',
      'DEVFORGE_TOKEN',
      'DATABASE_URL',
      'REDIS_URL',
      'DOCKER_HOST',
      'GIT_NAME',
      'GIT_EMAIL',
      'ANTHROPIC_BASE_URL',
    ]);
    expect(new InvalidEnvironmentError(problems).message.split('\n')).toHaveLength(problems.length + 2);
  });

  it('names what is no number once', () => {
    expect(problemsOf({ AUDIT_RETENTION_DAYS: 'abc' })).toEqual(['AUDIT_RETENTION_DAYS must be a number (got "abc")']);
  });

  it.each(['abc', '-1', '65536', '3.5', 'NaN', 'Infinity'])('refuses PORT=%s and shows the value', (port) => {
    const problems = problemsOf({ PORT: port });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.endsWith(`(got ${JSON.stringify(port)})`))).toBe(true);
  });

  it('never shows the value of a secret', () => {
    const secret = 'hunter2';
    const problems = problemsOf({
      DEVFORGE_TOKEN: secret,
      DATABASE_URL: `x://u:${secret}@db`,
      REDIS_URL: `x://:${secret}@r`,
      ANTHROPIC_BASE_URL: `x://${secret}@g`,
      PUBLIC_URL: `x://${secret}@p`,
    });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).not.toContain(secret);
  });
});
