import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { NO_SUCH_PROGRAM } from '../../test/support/workspace-program.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { CredentialsHarness } from '../../test/support/credentials/fake-credentials.js';
import { containerRow } from '../../test/support/rows.js';
import { AgentStates } from '../agent-state/agent-states.js';
import { ModelProblems } from '../agent-state/model-problems.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { FakeProcessSide } from '../drivers/fake/fake-process.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { AgentWatches } from './agent-watches.js';

let harness: CredentialsHarness;
let driver: FakeWorkspaceDriver;
let rows: Map<string, ContainerRow>;
let events: DomainEvents;
let states: AgentStates;
let clock: FakeClock;
let watches: AgentWatches;
/** The container's side of each process that was opened. */
let sides: (FakeProcessSide & { exit: (code: number) => void })[];

async function add(overrides: Partial<ContainerRow> = {}): Promise<ContainerRow> {
  const row = containerRow({ template: 'claude', ...overrides });
  const whole = { ...row, ...driver.run({ id: row.id }) };
  rows.set(row.id, whole);
  return whole;
}

async function change(row: ContainerRow, overrides: Partial<ContainerRow> = {}): Promise<void> {
  rows.set(row.id, { ...row, ...overrides });
  events.emit('container.changed', { containerId: row.id, projectId: row.projectId });
  await pause(5);
}

async function print(text: string | object, side = sides.at(-1)!): Promise<void> {
  side.stdout.write(typeof text === 'string' ? text : `${JSON.stringify(text)}\n`);
  await pause(5);
  await clock.advance(100);
}

const stateOf = ({ id }: ContainerRow) => states.of(rows.get(id)!)?.state ?? null;
const IDLE = { state: 'idle', since: 1e15, waitingFor: null };
const WORKING = { state: 'working', since: 2e15, waitingFor: null };

beforeEach(() => {
  harness = new CredentialsHarness();
  driver = new FakeWorkspaceDriver();
  rows = new Map();
  events = new DomainEvents(quietLogger());
  states = new AgentStates(events, new ModelProblems(events));
  clock = new FakeClock();
  sides = [];
  driver.onOpen = (_, side) => new Promise((exit) => sides.push({ ...side, exit }));
  const repository = {
    listAll: async () => [...rows.values()],
    findById: async (id: string) => rows.get(id) ?? null,
  } as unknown as ContainersRepository;
  watches = new AgentWatches(
    repository,
    new WorkspacePrograms(driver, repository),
    states,
    harness.withoutGateway().agents({ ANTHROPIC_API_KEY: 'op' }),
    events,
    clock,
    quietLogger(),
  );
});
afterEach(() => watches.onModuleDestroy());

const start = async (): Promise<void> => {
  await watches.onApplicationBootstrap();
  await settled();
};

describe('AgentWatches', () => {
  it('watches exactly the running containers that have Claude Code', async () => {
    const row = await add();
    await add({ template: 'vscode' });
    await add({ status: 'stopped' });
    const both = await add({ template: 'both' });
    await start();
    expect(driver.processes.map(({ ref }) => ref.runtimeId)).toEqual([row.runtimeId, both.runtimeId]);
    expect(driver.processes[0]!.process.request.argv).toEqual(['/usr/local/bin/devforge-agents', 'watch']);
    await print(IDLE, sides[0]);
    await print(WORKING, sides[1]);
    expect([stateOf(row), stateOf(both)]).toEqual(['idle', 'working']);
  });

  it('opens one watch when a container starts and ends it when the container stops', async () => {
    await start();
    const row = await add({ status: 'starting' });
    await change(row);
    expect(sides).toHaveLength(0);
    await change(row, { status: 'running' });
    await change(row, { status: 'running' });
    expect(sides).toHaveLength(1);
    await print(WORKING);
    const ended = new Promise((resolve) => sides[0]!.stdin.once('end', resolve).resume());
    await change(row, { status: 'stopping' });
    await ended;
    await change(row, { status: 'running' });
    expect(stateOf(row)).toBeNull();
    expect(sides).toHaveLength(2);
  });

  it('opens a new watch for a container that was recreated', async () => {
    const row = await add();
    await start();
    driver.vanish(row.id);
    const again = driver.run({ id: row.id });
    await change(row, { runtimeId: again.runtimeId });
    expect(driver.processes.at(-1)!.ref.runtimeId).toBe(again.runtimeId);
  });

  it('gives the program the credential of its container, and opens it again with another one', async () => {
    const { id } = harness.add({ kind: 'claude_oauth_token' }, 'own-token');
    const row = await add({ credentials: [id] });
    await start();
    const given = (index: number): string => String(sides[index]!.stdin.read()).split('\n')[0]!;
    expect(given(0)).toBe('credential CLAUDE_CODE_OAUTH_TOKEN=own-token');
    await change(row, { credentials: [] });
    expect(given(1)).toBe('credential ANTHROPIC_API_KEY=op');
    await change(row, { credentials: [] });
    expect(sides).toHaveLength(2);
  });

  it('watches an agent without its credential when that cannot be decrypted', async () => {
    const credential = harness.add();
    harness.repository.rows.set(credential.id, { ...credential, keyId: 'lost' });
    const row = await add({ credentials: [credential.id] });
    await start();
    expect(String(sides[0]!.stdin.read())).toMatch(/^credential\n/);
    await print(IDLE);
    expect(stateOf(row)).toBe('idle');
  });

  it('reports the latest valid line and ignores invalid ones', async () => {
    const row = await add();
    await start();
    await print(`${JSON.stringify(WORKING)}\n${JSON.stringify(IDLE)}\n`);
    expect(stateOf(row)).toBe('idle');
    await print('nonsense\n');
    await print({ state: 'asleep' });
    expect(stateOf(row)).toBe('idle');
    const line = JSON.stringify(WORKING);
    await print(line.slice(0, 9));
    await print(`${line.slice(9)}\n`);
    expect(stateOf(row)).toBe('working');
  });

  it('reports at most ten states per second', async () => {
    const row = await add();
    await start();
    const changes: (string | null)[] = [];
    events.on('agent.changed', () => void changes.push(stateOf(row)));
    for (let at = 0; at < 50; at++) {
      sides[0]!.stdout.write(`${JSON.stringify(at % 2 ? IDLE : WORKING)}\n`);
      await pause(1);
    }
    expect(changes).toEqual(['working']);
    await clock.advance(100);
    await pause(5);
    expect(changes.length).toBeLessThanOrEqual(2);
    for (let step = 0; step < 50; step++) await clock.advance(100);
    expect(stateOf(row)).toBe('idle');
  });

  it('clears the state when its process ends, and restarts it with growing delays', async () => {
    const row = await add();
    await start();
    const delays: number[] = [];
    for (let at = 0; at < 7; at++) {
      await print(WORKING);
      expect(stateOf(row)).toBe('working');
      const { length } = sides;
      const endedAt = clock.now().getTime();
      sides.at(-1)!.exit(143);
      await pause(5);
      expect(stateOf(row)).toBeNull();
      while (sides.length === length) {
        await clock.advance(100);
        await pause(1);
      }
      delays.push(clock.now().getTime() - endedAt);
    }
    expect(delays).toEqual([200, 400, 800, 1_600, 3_000, 3_000, 3_000]);
    await clock.advance(10_000);
    sides.at(-1)!.exit(143);
    await pause(5);
    await clock.advance(200);
    await pause(5);
    expect(sides).toHaveLength(9);
  });

  it('keeps the state when only the stream breaks, and clears it when the engine is unavailable', async () => {
    const row = await add();
    await start();
    await print(WORKING);
    driver.processes.at(-1)!.process.lose();
    await pause(5);
    expect(stateOf(row)).toBe('working');
    await clock.advance(200);
    await pause(5);
    expect(sides).toHaveLength(2);
    expect(stateOf(row)).toBe('working');

    driver.faults.goAway();
    driver.processes.at(-1)!.process.lose();
    await pause(5);
    await clock.advance(400);
    await pause(5);
    expect(stateOf(row)).toBeNull();
    driver.faults.comeBack();
    await clock.advance(3_000);
    await pause(5);
    await print(IDLE);
    expect(stateOf(row)).toBe('idle');
  });

  const answerThatItIsMissing = async (code: number): Promise<void> => {
    sides.at(-1)!.stdout.write(NO_SUCH_PROGRAM);
    sides.at(-1)!.exit(code);
    await pause(5);
    await clock.advance(60_000);
    await pause(5);
  };

  it.each([126, 127])('tries a program once more that the image does not have (exit code %i)', async (code) => {
    const row = await add();
    await start();
    await answerThatItIsMissing(code);
    expect(sides).toHaveLength(2);
    await answerThatItIsMissing(code);
    expect(sides).toHaveLength(2);
    expect(stateOf(row)).toBeNull();
  });

  it('opens the watch again when the answer came from a container that was being restarted', async () => {
    const row = await add();
    await start();
    driver.require(row.id).state = 'exited';
    await answerThatItIsMissing(126);
    driver.exit(row.id, 137);
    driver.run({ id: row.id });
    await clock.advance(60_000);
    await pause(5);
    await answerThatItIsMissing(126);
    await print(IDLE);
    expect(stateOf(row)).toBe('idle');
  });

  it("gives the operator's credential and signs of life to the program that watches", async () => {
    await add();
    await start();
    const spoken = (): string => String(sides[0]!.stdin.read() ?? '');
    expect(spoken()).toBe('credential ANTHROPIC_API_KEY=op\nalive 60\n');
    await clock.advance(20_000);
    await clock.advance(20_000);
    expect(spoken()).toBe('alive 60\nalive 60\n');
    watches.onModuleDestroy();
    await clock.advance(20_000);
    expect(spoken()).toBe('');
  });

  it('gives no credential to a container that has its own', async () => {
    await add({ env: { CLAUDE_CODE_OAUTH_TOKEN: 'own' } });
    await start();
    expect(String(sides[0]!.stdin.read())).toBe('credential\nalive 60\n');
  });

  it('closes its processes at shutdown', async () => {
    await add();
    await start();
    const ended = new Promise((resolve) => sides[0]!.stdin.once('end', resolve).resume());
    watches.onModuleDestroy();
    await ended;
    await clock.advance(60_000);
    expect(sides).toHaveLength(1);
  });
});
