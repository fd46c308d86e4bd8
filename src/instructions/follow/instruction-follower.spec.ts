import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { FakeRuns } from '../../../test/support/instructions/fake-runs.js';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type {
  EventBatch,
  InstructionEventsRepository,
} from '../../persistence/instructions/instruction-events.repository.js';
import type { InstructionPermissionsRepository } from '../../persistence/instructions/instruction-permissions.repository.js';
import type {
  InstructionEnd,
  InstructionRow,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import { RunnerClient } from '../runner/runner-client.js';
import type { InstructionChanges } from './instruction-changes.js';
import { DiffStorage } from './diff-storage.js';
import { type EventStores, LeaseLostError } from './event-writer.js';
import { InstructionFollower } from './instruction-follower.js';

describe('InstructionFollower', () => {
  let driver: FakeWorkspaceDriver;
  let runs: FakeRuns;
  let row: InstructionRow;
  let container: ContainerRow | null;
  let stored: string[];
  let patches: string[];
  let follower: InstructionFollower;
  let signal: AbortController;

  beforeEach(async () => {
    driver = new FakeWorkspaceDriver();
    runs = new FakeRuns(driver);
    container = containerRow({ mode: 'autonomous' });
    container = { ...container, ...driver.run({ id: container.id }) };
    row = instructionRow({ containerId: container.id, maxTurns: 3 });
    [stored, patches] = [[], []];
    signal = new AbortController();
    const events = {
      append: async (_lease: unknown, { after, events: added, offset }: EventBatch) => {
        if (after !== stored.length) return false;
        stored.push(...added);
        row = { ...row, lastSeq: stored.length, eventOffset: offset };
        return true;
      },
    } as unknown as InstructionEventsRepository;
    const changes = { grew: () => undefined, moved: () => undefined } as unknown as InstructionChanges;
    const stores = {
      events,
      permissions: {} as InstructionPermissionsRepository,
      changes,
      clock: new FakeClock(),
    } as EventStores;
    follower = new InstructionFollower(
      { findById: async () => row } as unknown as InstructionsRepository,
      { findById: async () => container } as unknown as ContainersRepository,
      new RunnerClient(driver),
      new DiffStorage({
        put: async (_id: string, _part: number, patch: Buffer) => void patches.push(String(patch)),
        part: async () => null,
      }),
      stores,
    );
  });

  const follow = (fence = 1): Promise<InstructionEnd | undefined> =>
    follower.follow({ instructionId: row.id, holder: 'me', fence }, signal.signal);
  const eventually = async (is: () => boolean): Promise<void> => {
    while (!is()) await new Promise(setImmediate);
  };

  it('starts the run, stores what it tells, and answers how it ended', async () => {
    const following = follow();
    await eventually(() => runs.of(row.id).alive);
    runs.write(row.id, '1', '2');
    await eventually(() => stored.length === 2);
    runs.write(row.id, '3');
    runs.end(row.id, { status: 'succeeded', result: 'r' });
    await expect(following).resolves.toMatchObject({
      status: 'succeeded',
      reason: null,
      patch: { result: 'r', diffBytes: 0 },
    });
    expect(stored).toEqual(['1', '2', '3']);
    expect(runs.of(row.id).request).toMatchObject({
      prompt: row.prompt,
      cwd: '/workspace',
      permissionMode: 'bypassPermissions',
      newSessionId: row.id,
      maxTurns: 3,
      resumes: 1,
    });
    expect(patches).toEqual([]);
  });

  it('asks for permissions in an interactive container', async () => {
    container = { ...container!, mode: 'interactive' };
    const following = follow();
    await eventually(() => runs.of(row.id).alive);
    runs.end(row.id);
    await following;
    expect(runs.of(row.id).request?.permissionMode).toBe('manual');
  });

  it('goes on after what is stored, and starts nothing twice', async () => {
    const first = follow();
    await eventually(() => runs.of(row.id).alive);
    runs.write(row.id, '1', '2');
    await eventually(() => stored.length === 2);
    signal.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    signal = new AbortController();
    runs.write(row.id, '3', '4');
    runs.end(row.id);
    await expect(follow()).resolves.toMatchObject({ status: 'succeeded' });
    expect(stored).toEqual(['1', '2', '3', '4']);
    expect(runs.of(row.id)).toMatchObject({ prompts: 1, resumes: 0 });
  });

  it('takes up again what was interrupted', async () => {
    const first = follow();
    await eventually(() => runs.of(row.id).alive);
    runs.write(row.id, '1');
    runs.die(row.id);
    await expect(first).resolves.toBeUndefined();
    expect(stored).toEqual(['1']);
    const second = follow();
    await eventually(() => runs.of(row.id).alive);
    runs.write(row.id, '2');
    runs.end(row.id);
    await expect(second).resolves.toMatchObject({ status: 'succeeded' });
    expect([stored, runs.of(row.id).prompts, runs.of(row.id).resumes]).toEqual([['1', '2'], 1, 1]);
  });

  it('passes on that it is to be cancelled, before it is begun as well', async () => {
    row = { ...row, cancelRequestedAt: new Date() };
    await expect(follow()).resolves.toMatchObject({ status: 'cancelled', reason: { code: 'cancelled' } });
    expect(runs.of(row.id).resumes).toBe(0);
  });

  it('keeps the patch with the rest, and goes without where there is none to have', async () => {
    runs.patch = 'diff --git';
    runs.end(row.id, { status: 'succeeded', diffBytes: 10 });
    await expect(follow()).resolves.toMatchObject({ patch: { diffBytes: 10 } });
    expect(patches).toEqual(['diff --git']);
    const playing = driver.onOpen;
    driver.onOpen = async (request, side) => (request.argv[1] === 'diff' ? 1 : playing(request, side));
    await expect(follow()).resolves.toMatchObject({ status: 'succeeded', patch: { diffBytes: 0 } });
  });

  it('lets go of what is somebody else’s by now, or gone', async () => {
    await expect(follow(2)).rejects.toBeInstanceOf(LeaseLostError);
    row = { ...row, status: 'cancelled' };
    await expect(follow()).rejects.toBeInstanceOf(LeaseLostError);
    row = { ...row, status: 'running' };
    container = { ...container!, status: 'deleting' };
    await expect(follow()).rejects.toBeInstanceOf(LeaseLostError);
    container = null;
    await expect(follow()).rejects.toBeInstanceOf(LeaseLostError);
    expect(driver.execs).toEqual([]);
  });

  it('stops when its writes are refused', async () => {
    const following = follow();
    await eventually(() => runs.of(row.id).alive);
    stored.push('written by another');
    runs.write(row.id, '1');
    runs.end(row.id);
    await expect(following).rejects.toBeInstanceOf(LeaseLostError);
  });

  it('waits for a container that is on its way, and ends with one that was stopped', async () => {
    container = { ...container!, status: 'starting' };
    await expect(follow()).resolves.toBeUndefined();
    container = { ...container, status: 'stopped', desiredRunning: false };
    await expect(follow()).resolves.toMatchObject({ status: 'failed', reason: { code: 'container_stopped' } });
    expect(driver.execs).toEqual([]);
  });

  it('passes on what the engine and the runner meet', async () => {
    driver.faults.goAway();
    await expect(follow()).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
    driver.faults.comeBack();
    driver.onOpen = async () => 127;
    await expect(follow()).rejects.toMatchObject({ name: 'RunnerError', code: 'missing' });
  });
});
