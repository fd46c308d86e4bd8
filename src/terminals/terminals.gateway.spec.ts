import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, FastClock, pause, quietLogger } from '../../test/support/logs/fake-log-engine.js';
import { until } from '../../test/support/e2e/until.js';
import { FakeSocket } from '../../test/support/sockets/fake-socket.js';
import { FakePtyHost } from '../../test/support/terminals/fake-pty-host.js';
import { DomainError } from '../common/errors/domain-error.js';
import { RandomIdGenerator } from '../common/id-generator.js';
import type { ContainersService } from '../containers/containers.service.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { DriverError } from '../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import { driverErrorToDomainError } from '../drivers/driver-error-translation.js';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { SocketSubscriptions } from '../realtime/socket-subscriptions.js';
import { TerminalsGateway } from './terminals.gateway.js';
import { PtyHost } from './pty-host.js';
import { TerminalHub } from './terminal-hub.js';
import { pausedContainer } from '../workspace/container-errors.js';
import type { PausedWorkspaces } from '../workspace/paused-workspaces.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { noAudit } from '../../test/support/no-audit.js';
import { noActivity } from '../../test/support/no-activity.js';

const OWN = 'c1';
const SIZE = { cols: 80, rows: 24 };

let driver: FakeWorkspaceDriver;
let ptyHost: FakePtyHost;
let row: ContainerRow;
let other: ContainerRow;
let hub: TerminalHub;
let isPaused: boolean;
let gateway: TerminalsGateway;
let counters: SocketCounters;
let socket: FakeSocket;

const paused = {
  requireUnpaused: ({ status }: ContainerRow): void => {
    if (isPaused) throw pausedContainer(status);
  },
};

beforeEach(async () => {
  isPaused = false;
  driver = new FakeWorkspaceDriver();
  ptyHost = new FakePtyHost();
  driver.onOpen = ptyHost.run;
  row = { ...driver.run({ id: OWN }), status: 'running' } as ContainerRow;
  other = { ...driver.run({ id: 'c2' }), status: 'running' } as ContainerRow;
  const find = async (_: unknown, id: string): Promise<ContainerRow> => {
    const found = [row, other].find((each) => each.id === id);
    if (found === undefined) throw new DomainError('container_not_found', 'no such container');
    return found;
  };
  const rows = { findById: async () => row } as unknown as ContainersRepository;
  hub = new TerminalHub(
    new PtyHost(new WorkspacePrograms(driver, rows)),
    rows,
    new DomainEvents(quietLogger),
    new RandomIdGenerator(),
    paused as unknown as PausedWorkspaces,
    new FastClock(),
    quietLogger,
  );
  counters = new SocketCounters();
  gateway = new TerminalsGateway(
    { find } as unknown as ContainersService,
    hub,
    noActivity,
    [driverErrorToDomainError],
    noAudit,
    counters,
  );
  socket = new FakeSocket();
});

afterEach(() => hub.onModuleDestroy());

const open = async (payload: object = {}, by = socket): Promise<string> => {
  const answer = await gateway.open(by.typed, { containerId: OWN, ...SIZE, ...payload });
  expect(answer).toEqual({ ok: true, terminalId: expect.any(String) });
  return (answer as { terminalId: string }).terminalId;
};
const output = (by = socket): string =>
  by
    .of('terminal:output')
    .map(({ data }) => data)
    .join('');
const shown = (text: string, by = socket) => eventually(() => output(by).endsWith(text));
const type = (terminalId: string, data: string, by = socket) => gateway.input(by.typed, { terminalId, data });

describe('a terminal of a paused container', () => {
  const refused = { ok: false, error: expect.objectContaining({ code: 'invalid_state' }) };

  it('refuses to be opened, joined and typed in, until the container runs again', async () => {
    const terminalId = await open();
    isPaused = true;
    const request = { containerId: OWN, ...SIZE };
    await expect(gateway.open(socket.typed, request)).resolves.toEqual(refused);
    await expect(gateway.open(socket.typed, { ...request, terminalId })).resolves.toEqual(refused);
    await expect(type(terminalId, 'x')).resolves.toEqual(refused);
    await expect(gateway.resize(socket.typed, { terminalId, ...SIZE })).resolves.toEqual(refused);
    isPaused = false;
    await expect(type(terminalId, 'x')).resolves.toEqual({ ok: true });
  });
});

describe('a terminal', () => {
  it('starts a shell, sends its screen once and then its output', async () => {
    const terminalId = await open();
    expect(socket.sent).toEqual([]);
    await shown('\x1bc');
    ptyHost.terminal.write('$ ');
    await shown('$ ');
    expect(ptyHost.requests[0]).toEqual({ op: 'open', id: terminalId, ...SIZE });
    expect(socket.of('terminal:output')).toEqual([
      { terminalId, data: '\x1bc', screen: SIZE },
      { terminalId, data: '$ ' },
    ]);
  });

  it('gets input in the order in which it was sent', async () => {
    const terminalId = await open();
    const typed = Array.from({ length: 200 }, (_, at) => `${at};`);
    await Promise.all(typed.map((data) => type(terminalId, data)));
    await eventually(() => ptyHost.terminal.inputs.length === typed.length);
    expect(ptyHost.terminal.inputs).toEqual(typed);
  });

  it('sends each of several clients the screen and all output after it, over one connection', async () => {
    const terminalId = await open();
    await shown('\x1bc');
    const second = new FakeSocket();
    ptyHost.terminal.delaysScreens = true;
    ptyHost.terminal.write('one ');
    await open({ terminalId }, second);
    await pause(5);
    ptyHost.terminal.write('two ');
    await shown('two ');
    ptyHost.terminal.sendDelayedScreens();
    ptyHost.terminal.write('three');
    await shown('three');
    await shown('three', second);
    expect(output()).toBe('\x1bcone two three');
    expect(output(second)).toBe('\x1bcone two three');
    expect(hub.openStreams).toBe(1);
    expect(driver.processes).toHaveLength(1);
  });

  it('has the size that was requested last, and reports it to all clients', async () => {
    const terminalId = await open();
    await shown('\x1bc');
    await expect(gateway.resize(socket.typed, { terminalId, cols: 100, rows: 30 })).resolves.toEqual({ ok: true });
    const second = new FakeSocket();
    await open({ terminalId, cols: 120, rows: 40 }, second);
    await shown('\x1bc', second);
    expect(second.of('terminal:output')[0]).toMatchObject({ screen: { cols: 120, rows: 40 } });
    expect(socket.of('terminal:resized')).toEqual([
      { terminalId, cols: 100, rows: 30 },
      { terminalId, cols: 120, rows: 40 },
    ]);
  });

  it('reports its exit code after all output and then no longer exists', async () => {
    const terminalId = await open();
    await shown('\x1bc');
    ptyHost.terminal.write('bye');
    ptyHost.terminal.exit(7);
    await eventually(() => socket.of('terminal:exit').length === 1);
    expect(socket.sent.at(-1)).toEqual({
      event: 'terminal:exit',
      payload: { terminalId, exitCode: 7, reason: 'exited' },
    });
    expect(output()).toBe('\x1bcbye');
    await expect(type(terminalId, 'x')).resolves.toMatchObject({ error: { code: 'terminal_not_found' } });
    expect(hub.openStreams).toBe(0);
  });

  it('goes on when a client detaches, and ends when a client closes it', async () => {
    const terminalId = await open();
    await expect(gateway.detach(socket.typed, { terminalId })).resolves.toEqual({ ok: true });
    await expect(type(terminalId, 'x')).resolves.toMatchObject({ error: { code: 'terminal_not_found' } });
    expect(ptyHost.terminals.size).toBe(1);
    await open({ terminalId });
    await expect(gateway.close(socket.typed, { terminalId })).resolves.toEqual({ ok: true });
    await eventually(() => socket.of('terminal:exit').length === 1);
    expect(ptyHost.terminals.size).toBe(0);
  });

  it('goes on when its client disconnects', async () => {
    const terminalId = await open();
    ptyHost.terminal.write('work');
    socket.connected = false;
    gateway.handleDisconnect(socket.typed);
    ptyHost.terminal.write(' goes on');
    const next = new FakeSocket();
    await open({ terminalId }, next);
    await shown('work goes on', next);
    expect(counters.subscriptions()).toEqual([['terminal', 1]]);
  });

  it('ends when its client disconnects before it has the id', async () => {
    const opening = gateway.open(socket.typed, { containerId: OWN, ...SIZE });
    socket.connected = false;
    gateway.handleDisconnect(socket.typed);
    await opening;
    await eventually(() => ptyHost.terminals.size === 0);
    expect(socket.sent).toEqual([]);
  });

  it('gets a pasted megabyte in pieces, as fast as the program reads, and acknowledges it then', async () => {
    const terminalId = await open();
    const text = 'a long line \u{1f680}\n'.repeat(64 * 1024).slice(0, 1024 * 1024);
    const answers: unknown[] = [];
    void type(terminalId, text).then((given) => answers.push(given));
    const arrived = (): number => ptyHost.terminal.inputs.reduce((sum, input) => sum + Buffer.byteLength(input), 0);
    await eventually(() => arrived() >= 224 * 1024);
    expect(answers).toEqual([]);
    for (let at = 0; at < 40 && answers.length === 0; at++) {
      const before = arrived();
      ptyHost.terminal.acknowledge(64 * 1024);
      await eventually(() => answers.length > 0 || arrived() > before);
    }
    expect(answers).toEqual([{ ok: true }]);
    expect(Math.max(...ptyHost.terminal.inputs.map(({ length }) => length))).toBeLessThanOrEqual(32 * 1024);
    await eventually(() => ptyHost.terminal.bytes().equals(Buffer.from(text)));
  });

  it('refuses further input while the program has not read a megabyte, and can still be closed', async () => {
    const terminalId = await open();
    const pasted = type(terminalId, 'x'.repeat(1024 * 1024));
    await expect(type(terminalId, 'x')).resolves.toMatchObject({ error: { code: 'terminal_input_full' } });
    ptyHost.terminal.acknowledge(64 * 1024);
    let next: unknown;
    void type(terminalId, 'y').then((given) => (next = given));
    await expect(gateway.resize(socket.typed, { terminalId, ...SIZE })).resolves.toEqual({ ok: true });
    await expect(gateway.close(socket.typed, { terminalId })).resolves.toEqual({ ok: true });
    await expect(pasted).resolves.toMatchObject({ error: { code: 'terminal_unavailable' } });
    await eventually(() => next !== undefined);
    expect(next).toMatchObject({ ok: false });
  });

  it('records when it was used', async () => {
    expect(hub.lastUsedAt(OWN)).toBeUndefined();
    await open();
    expect(hub.lastUsedAt(OWN)).toBeInstanceOf(Date);
  });
});

describe('a client that reads nothing', () => {
  it('does not slow down other clients, and gets the current screen when it reads again', async () => {
    const terminalId = await open();
    await shown('\x1bc');
    const second = new FakeSocket();
    await open({ terminalId }, second);
    await shown('\x1bc', second);
    second.isPaused = true;
    let sent = '';
    for (let at = 0; at < 100; at++) {
      const text = `${at}`.padEnd(16 * 1024, '.');
      sent += text;
      ptyHost.terminal.write(text);
    }
    await eventually(() => output().length === sent.length + 2, 6_000);
    expect(output()).toBe(`\x1bc${sent}`);
    expect(output(second).length).toBeLessThan(40_000);
    second.isPaused = false;
    second.drain();
    await eventually(
      () => second.of('terminal:output').at(-1)?.['data'] !== undefined && output(second).endsWith(sent),
    );
    expect(second.of('terminal:output').filter(({ screen }) => screen !== undefined)).toHaveLength(2);
  }, 15_000);
});

describe('when the connection to the PTY host breaks', () => {
  it('the terminal is attached again and its screen is sent', async () => {
    const terminalId = await open();
    ptyHost.terminal.write('before ');
    await shown('before ');
    driver.processes[0]!.process.lose();
    ptyHost.terminal.write('meanwhile ');
    await eventually(() => socket.of('terminal:output').filter(({ screen }) => screen !== undefined).length === 2);
    expect(socket.of('terminal:output').at(-1)).toMatchObject({ data: '\x1bcbefore meanwhile ' });
    await expect(type(terminalId, 'x')).resolves.toEqual({ ok: true });
  });

  it('input is rejected until the engine is back', async () => {
    const terminalId = await open();
    await shown('\x1bc');
    driver.faults.goAway();
    driver.processes[0]!.process.lose();
    await until('it', async () => !(await type(terminalId, 'x')).ok);
    await expect(type(terminalId, 'x')).resolves.toMatchObject({ error: { code: 'terminal_unavailable' } });
    driver.faults.comeBack();
    await until('it', async () => (await type(terminalId, 'x')).ok);
    expect(socket.of('terminal:exit')).toEqual([]);
  });

  it('the terminal is lost if the PTY host is gone', async () => {
    await open();
    await shown('\x1bc');
    ptyHost.terminals.clear();
    driver.processes[0]!.process.lose();
    await eventually(() => socket.of('terminal:exit').length === 1);
    expect(socket.of('terminal:exit')[0]).toMatchObject({ exitCode: null, reason: 'lost' });
  });

  it.each([
    ['known', 'stopping'],
    ['not known yet', 'running'],
  ])('the terminal ends with its container, whose stop is %s', async (_, status) => {
    await open();
    await shown('\x1bc');
    row = { ...row, status: status as ContainerRow['status'] };
    driver.exit(OWN, 137);
    await eventually(() => socket.of('terminal:exit').length === 1);
    expect(socket.of('terminal:exit')[0]).toMatchObject({ exitCode: null, reason: 'container_stopped' });
    expect(hub.openStreams).toBe(0);
  });

  it('a terminal without clients is not attached again', async () => {
    const terminalId = await open();
    await gateway.detach(socket.typed, { terminalId });
    await hub.onModuleDestroy();
    await eventually(() => ptyHost.terminal.watchers.size === 0);
    expect(hub.openStreams).toBe(0);
  });
});

describe('a request is rejected', () => {
  it.each([
    [{ containerId: 'unknown', ...SIZE }, 'container_not_found'],
    [{ containerId: OWN, ...SIZE, terminalId: 'unknown' }, 'terminal_not_found'],
    [{ containerId: OWN }, 'validation_failed'],
    [{ containerId: OWN, cols: 0, rows: 24 }, 'validation_failed'],
    [{ containerId: OWN, cols: 80, rows: 100_000 }, 'validation_failed'],
    [{ containerId: OWN, cols: 80.5, rows: 24 }, 'validation_failed'],
    [{ containerId: OWN, cols: '80', rows: 24 }, 'validation_failed'],
    [{ containerId: OWN, ...SIZE, terminalId: 5 }, 'validation_failed'],
    [{ containerId: OWN, ...SIZE, argv: ['sh'] }, 'validation_failed'],
    [undefined, 'validation_failed'],
  ])('to open %j', async (payload, code) => {
    await expect(gateway.open(socket.typed, payload)).resolves.toMatchObject({ ok: false, error: { code } });
    expect(hub.openStreams).toBe(0);
  });

  it('to open the terminal of another container', async () => {
    const terminalId = await open();
    await expect(gateway.open(socket.typed, { containerId: 'c2', ...SIZE, terminalId })).resolves.toMatchObject({
      error: { code: 'terminal_not_found' },
    });
  });

  it.each(['input', 'resize', 'detach', 'close'] as const)(
    'to %s a terminal that is not open on this socket',
    async (what) => {
      const terminalId = await open();
      const payload = { terminalId, ...(what === 'input' ? { data: 'x' } : {}), ...(what === 'resize' ? SIZE : {}) };
      await expect(gateway[what](new FakeSocket().typed, payload)).resolves.toMatchObject({
        error: { code: 'terminal_not_found' },
      });
      await expect(gateway[what](socket.typed, payload)).resolves.toEqual({ ok: true });
    },
  );

  it('with input that is too long or not a string, and with an invalid size', async () => {
    const terminalId = await open();
    for (const data of ['x'.repeat(1024 * 1024 + 1), 5, null])
      await expect(gateway.input(socket.typed, { terminalId, data })).resolves.toMatchObject({
        error: { code: 'validation_failed' },
      });
    for (const cols of [0, -1, 1_001, 100_000, 1.5, null])
      await expect(gateway.resize(socket.typed, { terminalId, cols, rows: 24 })).resolves.toMatchObject({
        error: { code: 'validation_failed' },
      });
  });

  it('while the container is stopped or the engine unreachable, or if the image is too old', async () => {
    driver.faults.failNext('open', new DriverError('conflict', 'not running'));
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'invalid_state' },
    });
    driver.faults.failNext('open', new DriverError('unavailable', 'away'));
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'engine_unavailable' },
    });
    ptyHost.exitsWith = 127;
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'image_outdated' },
    });
    ptyHost.exitsWith = 1;
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'terminal_unavailable' },
    });
    ptyHost.exitsWith = undefined;
    row = { ...row, status: 'stopped' };
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'invalid_state', message: expect.stringContaining('stopped') },
    });
  });

  it('to open more terminals than a container may have', async () => {
    for (let at = 0; at < 3; at++) await open();
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'too_many_terminals' },
    });
    await expect(hub.list(row)).resolves.toHaveLength(3);
  });

  it('to open more terminals than a socket may have', async () => {
    const terminalId = await open();
    const { terminals } = gateway as unknown as { terminals: SocketSubscriptions<unknown> };
    const opened = terminals.get(socket.typed, terminalId);
    for (let at = 1; at < 50; at++) terminals.add(socket.typed, `other ${at}`, () => opened);
    await expect(gateway.open(socket.typed, { containerId: OWN, ...SIZE })).resolves.toMatchObject({
      error: { code: 'too_many_subscriptions' },
    });
    await open({ terminalId });
  });
});

describe('the list of terminals', () => {
  it('contains the state of each terminal and its number of clients', async () => {
    const terminalId = await open();
    await shown('\x1bc');
    await expect(hub.list(row)).resolves.toEqual([
      {
        id: terminalId,
        size: { columns: 80, rows: 24 },
        title: 'a title',
        startedAt: new Date('2026-01-02T03:04:05Z'),
        lastUsedAt: new Date('2026-01-02T03:04:06Z'),
        clients: 1,
      },
    ]);
  });

  it('counts no clients for a terminal whose id a workspace took from another one', async () => {
    await open();
    // The fake PTY host is that of both containers.
    await expect(hub.list(other)).resolves.toEqual([expect.objectContaining({ clients: 0 })]);
  });

  it('is empty without a PTY host, and for a stopped container', async () => {
    await expect(hub.list(row)).resolves.toEqual([]);
    await expect(hub.list({ ...row, status: 'stopped' })).resolves.toEqual([]);
  });

  it('ends a terminal, and rejects a second time', async () => {
    const terminalId = await open();
    await hub.end(row, terminalId);
    await eventually(() => ptyHost.terminals.size === 0);
    await expect(hub.end(row, terminalId)).rejects.toMatchObject({ code: 'terminal_not_found' });
  });
});
