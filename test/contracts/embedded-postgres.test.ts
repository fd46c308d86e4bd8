/**
 * The embedded PostgreSQL with real servers. Each test has clusters of its own in a temporary directory.
 */
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { type EmbeddedConnection, EmbeddedPostgres } from '../../src/persistence/embedded/embedded-postgres.js';
import { installedBinaries } from '../../src/persistence/embedded/binaries/binaries.js';
import {
  abandonedDirectories,
  existingLocation,
  STATE_DIR,
} from '../../src/persistence/embedded/cluster/cluster-location.js';
import { findRunning } from '../../src/persistence/embedded/process/postmaster-file.js';
import { firstInaccessiblePath, READ } from '../../src/persistence/embedded/cluster/reachability.js';
import { findUser, unprivilegedUser } from '../../src/persistence/embedded/cluster/system-user.js';
import { usableBinaries } from '../../src/persistence/embedded/binaries/usable-binaries.js';

jest.setTimeout(60_000);

type Child = ChildProcessByStdio<Writable, Readable, null>;

const root = process.getuid?.() === 0;
const describeAsRoot = root ? describe : describe.skip;
/** Node strips the types of the source; only the suffix of its imports has to be mapped. */
const CHILD = `
  import { registerHooks } from 'node:module';
  registerHooks({ resolve: (name, context, next) =>
    next(context.parentURL?.endsWith('.ts') && name.startsWith('.') ? name.replace(/\\.js$/, '.ts') : name, context) });
  const [source, dataDir] = process.argv.slice(1);
  const { EmbeddedPostgres } = await import(source);
  const server = new EmbeddedPostgres({ dataDir, log: () => undefined });
  console.log(JSON.stringify(await server.start().catch((error) => ({ error: error.code }))));
  process.stdin.once('data', async () => { await server.stop(); console.log('{}'); process.exit(); });
`;
const SOURCE = new URL('../../src/persistence/embedded/embedded-postgres.ts', import.meta.url).href;

const NOBODY = (await findUser('nobody')) ?? { uid: 65_534, gid: 65_534 };
/** A checkout under /root is inaccessible to the unprivileged user that one test runs DevForge as. */
const inaccessiblePaths = await Promise.all(
  [fileURLToPath(SOURCE), process.execPath].map((file) => firstInaccessiblePath(file, NOBODY, READ)),
);
const describeInAccessibleCheckout =
  root && inaccessiblePaths.every((inaccessible) => inaccessible === undefined) ? describe : describe.skip;

let base: string;
let dataDir: string;
let servers: EmbeddedPostgres[];
let children: Child[];
let messages: string[];

beforeEach(async () => {
  base = await realpath(await mkdtemp(path.join(tmpdir(), 'devforge-embedded-')));
  await chmod(base, 0o755);
  dataDir = path.join(base, 'data');
  servers = [];
  children = [];
  messages = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  for (const child of children) child.kill('SIGKILL');
  for (const name of ['data', 'moved', 'copy']) await remove(path.join(base, name));
  await rm(base, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

/** Fails when DevForge itself has a database there, which stays. */
afterAll(() => rmdir(STATE_DIR).catch(() => undefined));

/** Ends the server that a test left running on purpose, and removes its relocated cluster. */
async function remove(directory: string): Promise<void> {
  const location = await existingLocation(directory).catch(() => undefined);
  const running = location === undefined ? undefined : await findRunning(location.cluster);
  if (running !== undefined) {
    process.kill(running.pid, 'SIGQUIT');
    await until(async () => (await findRunning(location?.cluster ?? '')) === undefined);
  }
  for (const abandoned of root ? await abandonedDirectories(directory) : []) await rm(abandoned, { recursive: true });
}

const make = (startTimeoutMs?: number): EmbeddedPostgres => {
  const server = new EmbeddedPostgres({ dataDir, log: (message) => messages.push(message), startTimeoutMs });
  servers.push(server);
  return server;
};

async function startChild(identity = {}, detached = false): Promise<{ child: Child; first: Promise<unknown> }> {
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', CHILD, SOURCE, dataDir], {
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
    detached,
    ...identity,
  });
  children.push(child);
  const first = nextLine(child);
  // Some tests kill the child before it prints anything
  first.catch(() => undefined);
  return { child, first };
}

async function nextLine(child: Child): Promise<unknown> {
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'close').then(() => {
    throw new Error('the child ended without output');
  });
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  lines.close();
  return JSON.parse(line);
}

async function query(connection: unknown, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ ...(connection as EmbeddedConnection), ssl: false });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    if (await condition()) return;
    await delay(10);
  }
  throw new Error('the condition was not met in time');
}

const running = async (): Promise<number | undefined> => {
  const location = await existingLocation(await realpath(dataDir));
  return location === undefined ? undefined : (await findRunning(location.cluster))?.pid;
};

describe('EmbeddedPostgres.start', () => {
  it('creates a database that listens only on a private socket, and keeps its rows over a restart', async () => {
    const server = make();
    const connection = await server.start();
    expect(connection).toEqual({
      host: path.join(dataDir, 'postgres-run'),
      port: expect.any(Number),
      user: 'devforge',
      database: 'devforge',
    });
    expect((await stat(connection.host)).mode & 0o777).toBe(0o700);
    const rows = await query(
      connection,
      `select current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync,
              current_setting('synchronous_commit') as commit, current_setting('server_encoding') as encoding,
              current_setting('timezone') as zone, upper('grün') as upper,
              (select datlocale from pg_database where datname = 'devforge') as locale`,
    );
    expect(rows).toEqual([
      { tcp: '', fsync: 'on', commit: 'on', encoding: 'UTF8', zone: 'UTC', upper: 'GRÜN', locale: 'C.UTF-8' },
    ]);
    await query(connection, 'create table kept as select 42 as answer');
    await server.stop();
    await expect(running()).resolves.toBeUndefined();

    const again = make();
    await expect(again.start()).resolves.toEqual(connection);
    await expect(query(connection, 'select answer from kept')).resolves.toEqual([{ answer: 42 }]);
  });

  it('returns the same connection when it is called twice', async () => {
    const server = make();
    const [one, two] = await Promise.all([server.start(), server.start()]);
    expect(two).toBe(one);
  });

  it('adopts the server of a process that was killed', async () => {
    const { child, first } = await startChild();
    const connection = await first;
    const pid = await running();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect(make().start()).resolves.toEqual(connection);
    await expect(running()).resolves.toBe(pid);
    expect(messages.join()).toContain('Adopted');
  });

  it('gives two processes that start at the same time one server', async () => {
    const both = [await startChild(), await startChild()];
    const [one, two] = await Promise.all(both.map(({ first }) => first));
    expect(one).toMatchObject({ host: path.join(dataDir, 'postgres-run'), database: 'devforge' });
    expect(two).toEqual(one);
    await expect(query(one, 'select 1 as one')).resolves.toEqual([{ one: 1 }]);
  });

  it('removes a partial cluster whose creation was interrupted', async () => {
    const { child } = await startChild();
    const partialClusters = async (): Promise<string[]> =>
      (await readdir(dataDir).catch(() => [])).filter((name) => name.startsWith('postgres.tmp-'));
    await until(async () => (await partialClusters()).length > 0);
    child.kill('SIGKILL');
    await make().start();
    await expect(partialClusters()).resolves.toEqual([]);
  });

  it('starts in spite of a stale postmaster.pid whose process id is in use by another process', async () => {
    const server = make();
    await server.start();
    const file = path.join(dataDir, 'postgres', 'postmaster.pid');
    const text = await readFile(file, 'utf8');
    const { uid, gid } = await stat(file);
    await server.stop();
    // PostgreSQL takes any process of its own user for a running server
    const other = spawn('sleep', ['60'], { ...(root ? { uid, gid } : {}), stdio: ['pipe', 'pipe', 'ignore'] });
    children.push(other);
    await writeFile(file, text.replace(/^\d+/, String(other.pid)));
    const connection = await make().start();
    await expect(query(connection, 'select 1 as one')).resolves.toEqual([{ one: 1 }]);
  });

  it('restarts a running server whose socket was removed', async () => {
    const connection = await (await startChild()).first;
    await rm(path.join((connection as EmbeddedConnection).host, `.s.PGSQL.${(connection as EmbeddedConnection).port}`));
    await expect(make().start()).resolves.toEqual(connection);
    expect(messages.join()).toContain('Restarting');
  });

  it('puts the socket in another directory when the path is too long', async () => {
    dataDir = path.join(dataDir, 'x'.repeat(100));
    const connection = await make().start();
    expect(connection.host).toMatch(/\/devforge-pg-[0-9a-f]{12}$/);
    await expect(query(connection, 'select 1 as one')).resolves.toEqual([{ one: 1 }]);
    await rm(path.join(dataDir, 'postgres', 'PG_VERSION'));
    await servers.pop()?.stop();
    await expect(make().start()).rejects.toMatchObject({ code: 'CLUSTER_INVALID' });
    await rm(connection.host, { recursive: true });
  });

  it('reports the last lines of the log when the server does not start', async () => {
    await make().start();
    await servers.pop()?.stop();
    await writeFile(path.join(dataDir, 'postgres', 'postgresql.conf'), 'no_such_setting = 1\n');
    await expect(make().start()).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('no_such_setting'),
    });
  });

  it('refuses a data directory that is a file', async () => {
    await writeFile(dataDir, '');
    await expect(make().start()).rejects.toMatchObject({ code: 'DATA_DIR_UNWRITABLE' });
  });
});

describe('the running embedded server', () => {
  it('does not end with the Ctrl-C that ends its parent', async () => {
    const { child, first } = await startChild({}, true);
    await first;
    const pid = await running();
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await once(child, 'exit');
    // Time in which the signal would end it.
    await delay(100);
    await expect(running()).resolves.toBe(pid);
  });

  it('is restarted when it dies', async () => {
    const connection = await make().start();
    await query(connection, 'create table kept as select 42 as answer');
    const pid = (await running()) ?? 0;
    process.kill(pid, 'SIGKILL');
    await until(async () => ![undefined, pid].includes(await running()));
    await until(async () =>
      query(connection, 'select 1').then(
        () => true,
        () => false,
      ),
    );
    await expect(query(connection, 'select answer from kept')).resolves.toEqual([{ answer: 42 }]);
  });

  it('goes on while another process uses it, and stops with the last one', async () => {
    const { child, first } = await startChild();
    await first;
    const server = make();
    await server.start();
    const pid = await running();
    await server.stop();
    await expect(running()).resolves.toBe(pid);
    child.stdin.write('stop\n');
    await nextLine(child);
    await expect(running()).resolves.toBeUndefined();
  });
});

describeAsRoot('EmbeddedPostgres as root', () => {
  it('runs the server as an unprivileged user', async () => {
    await make().start();
    const { uid } = await lstat(`/proc/${await running()}`);
    expect(uid).toBe((await unprivilegedUser()).uid);
  });

  it('relocates the database when its user cannot access the data directory, and gives a new directory at the same path a new database', async () => {
    await mkdir(dataDir, { mode: 0o700 });
    await make()
      .start()
      .then((connection) => query(connection, 'create table kept as select 42 as answer'));
    const first = await realpath(path.join(dataDir, 'postgres'));
    expect(first.startsWith(`${STATE_DIR}/`)).toBe(true);
    await servers.pop()?.stop();
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);

    await rename(dataDir, path.join(base, 'moved'));
    dataDir = path.join(base, 'moved');
    const connection = await make().start();
    await expect(query(connection, 'select answer from kept')).resolves.toEqual([{ answer: 42 }]);

    await cp(dataDir, path.join(base, 'copy'), { recursive: true, verbatimSymlinks: true });
    const copy = new EmbeddedPostgres({ dataDir: path.join(base, 'copy'), log: () => undefined });
    await expect(copy.start()).rejects.toMatchObject({ code: 'CLUSTER_SHARED' });
    await rm(path.join(base, 'copy'), { recursive: true });
    await servers.pop()?.stop();

    const orphan = (await (await startChild()).first) as EmbeddedConnection;
    children.pop()?.kill('SIGKILL');
    await rm(dataDir, { recursive: true });
    await mkdir(dataDir, { mode: 0o700 });
    const fresh = await make().start();
    expect(fresh.port).not.toBe(orphan.port);
    await expect(query(fresh, "select to_regclass('kept') as kept")).resolves.toEqual([{ kept: null }]);
    await expect(stat(path.dirname(first))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('copies the binaries once when their user cannot access them', async () => {
    const installed = await installedBinaries();
    const inaccessible = path.join(base, 'inaccessible');
    await cp(installed.native, path.join(inaccessible, 'native'), { recursive: true, verbatimSymlinks: true });
    await chmod(inaccessible, 0o700);
    const hidden = { ...installed, native: path.join(inaccessible, 'native') };
    const identity = await unprivilegedUser();
    const log = (message: string): number => messages.push(message);
    const state = path.join(base, 'state');
    const [one, two] = await Promise.all([
      usableBinaries(hidden, identity, state, log),
      usableBinaries(hidden, identity, state, log),
    ]);
    expect(one.native).toBe(path.join(state, `postgresql-${installed.version}`));
    expect(two).toEqual(one);
    await expect(readdir(state)).resolves.toHaveLength(1);
    await usableBinaries(hidden, identity, state, () => expect('no second copy').toBe(''));
  });
});

describeInAccessibleCheckout('EmbeddedPostgres as an unprivileged user', () => {
  it('creates a database that root can run and another user cannot', async () => {
    const user = NOBODY;
    await mkdir(dataDir, { mode: 0o755 });
    await chown(dataDir, user.uid, user.gid);
    const { child, first } = await startChild(user);
    expect(await first).toMatchObject({ host: path.join(dataDir, 'postgres-run') });
    child.stdin.write('stop\n');
    await nextLine(child);
    await make().start();
    expect((await lstat(`/proc/${await running()}`)).uid).toBe(user.uid);
    await servers.pop()?.stop();
    const again = await startChild(user);
    expect(await again.first).toMatchObject({ database: 'devforge' });
    again.child.stdin.write('stop\n');
    await nextLine(again.child);
    const otherUser = await startChild({ uid: 4242, gid: 4242 });
    expect(await otherUser.first).toEqual({
      error: expect.stringMatching(/^(DATA_DIR_UNWRITABLE|CLUSTER_WRONG_OWNER)$/),
    });
  });
});
