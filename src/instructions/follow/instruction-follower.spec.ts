import { once } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CredentialsHarness } from '../../../test/support/credentials/fake-credentials.js';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { FakeRunner } from '../../../test/support/instructions/fake-runner.js';
import { containerRow, instructionRow } from '../../../test/support/rows.js';
import { NO_SUCH_PROGRAM } from '../../../test/support/workspace-program.js';
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
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import { RunnerClient } from '../runner/runner-client.js';
import type { InstructionChanges } from './instruction-changes.js';
import { DiffStorage } from './diff-storage.js';
import type { Settings } from '../../config/settings.js';
import { ModelPriceTable } from '../../spend/model-price-table.js';
import { EventWriterFactory, LeaseLostError } from './event-writer.js';
import type { InstructionStorage } from './instruction-storage.js';
import type { BudgetEnds } from './budget-ends.js';
import { InstructionFollower } from './instruction-follower.js';

describe('InstructionFollower', () => {
  let driver: FakeWorkspaceDriver;
  let runner: FakeRunner;
  let row: InstructionRow;
  let container: ContainerRow | null;
  let stored: string[];
  let patches: string[];
  let follower: InstructionFollower;
  let attempt: AbortController;

  beforeEach(async () => {
    driver = new FakeWorkspaceDriver();
    runner = new FakeRunner(driver);
    container = containerRow({ mode: 'autonomous' });
    container = { ...container, ...driver.run({ id: container.id }) };
    row = instructionRow({ containerId: container.id, maxTurns: 3 });
    [stored, patches] = [[], []];
    attempt = new AbortController();
    const events = {
      page: async () => [],
      append: async (_lease: unknown, { after, events: added, offset }: EventBatch) => {
        if (after !== stored.length) return false;
        stored.push(...added);
        row = { ...row, lastSeq: stored.length, eventOffset: offset };
        return true;
      },
    } as unknown as InstructionEventsRepository;
    const changes = { eventsAppended: () => undefined, stateChanged: () => undefined } as unknown as InstructionChanges;
    const permissions = {} as InstructionPermissionsRepository;
    const storage = { requireRoom: async () => undefined, add: () => undefined } as unknown as InstructionStorage;
    follower = new InstructionFollower(
      { findById: async () => row } as unknown as InstructionsRepository,
      { findById: async () => container } as unknown as ContainersRepository,
      new RunnerClient(new WorkspacePrograms(driver, {} as ContainersRepository)),
      new DiffStorage({
        putPart: async (_id: string, _part: number, patch: Buffer) => void patches.push(String(patch)),
        getPart: async () => null,
      }),
      new EventWriterFactory(
        events,
        permissions,
        changes,
        new FakeClock(),
        storage,
        new ModelPriceTable({} as Settings),
        {
          instructionOutput: { maxEvents: 5, maxBytes: 1e6, storageBytes: 0 },
        } as Settings,
      ),
      new CredentialsHarness().withoutGateway().agents({ ANTHROPIC_API_KEY: 'op' }),
      { apply: async (_row: unknown, end: InstructionEnd) => end } as unknown as BudgetEnds,
    );
  });

  const follow = (fence = 1): Promise<InstructionEnd | undefined> =>
    follower.follow({ instructionId: row.id, holder: 'me', fence }, attempt.signal);
  const waitFor = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise(setImmediate);
  };

  it('starts the run, stores its events and returns how it ended', async () => {
    const following = follow();
    await waitFor(() => runner.get(row.id).alive);
    runner.write(row.id, '1', '2');
    await waitFor(() => stored.length === 2);
    runner.write(row.id, '3');
    runner.end(row.id, { status: 'succeeded', result: 'r' });
    await expect(following).resolves.toMatchObject({
      status: 'succeeded',
      reason: null,
      patch: { result: 'r', diffBytes: 0 },
    });
    expect(stored).toEqual(['1', '2', '3']);
    expect(driver.processes[0]!.process.request.env).toEqual({ ANTHROPIC_API_KEY: 'op' });
    expect(runner.get(row.id).request).toMatchObject({
      prompt: row.prompt,
      cwd: '/workspace',
      permissionMode: 'bypassPermissions',
      newSessionId: row.id,
      maxTurns: 3,
      resumes: 1,
    });
    expect(patches).toEqual([]);
  });

  it('requests permissions in an interactive container', async () => {
    container = { ...container!, mode: 'interactive' };
    const following = follow();
    await waitFor(() => runner.get(row.id).alive);
    runner.end(row.id);
    await following;
    expect(runner.get(row.id).request?.permissionMode).toBe('manual');
  });

  it('continues after the last stored event without starting the run again', async () => {
    const first = follow();
    await waitFor(() => runner.get(row.id).alive);
    runner.write(row.id, '1', '2');
    await waitFor(() => stored.length === 2);
    attempt.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    attempt = new AbortController();
    runner.write(row.id, '3', '4');
    runner.end(row.id);
    await expect(follow()).resolves.toMatchObject({ status: 'succeeded' });
    expect(stored).toEqual(['1', '2', '3', '4']);
    expect(runner.get(row.id)).toMatchObject({ prompts: 1, resumes: 0 });
  });

  it('resumes an interrupted run', async () => {
    const first = follow();
    await waitFor(() => runner.get(row.id).alive);
    runner.write(row.id, '1');
    runner.crash(row.id);
    await expect(first).resolves.toBeUndefined();
    expect(stored).toEqual(['1']);
    const second = follow();
    await waitFor(() => runner.get(row.id).alive);
    runner.write(row.id, '2');
    runner.end(row.id);
    await expect(second).resolves.toMatchObject({ status: 'succeeded' });
    expect([stored, runner.get(row.id).prompts, runner.get(row.id).resumes]).toEqual([['1', '2'], 1, 1]);
  });

  it('cancels a run before its start when cancellation was requested', async () => {
    row = { ...row, cancelRequestedAt: new Date() };
    await expect(follow()).resolves.toMatchObject({ status: 'cancelled', reason: { code: 'cancelled' } });
    expect(runner.get(row.id).resumes).toBe(0);
  });

  it('stores the patch, and succeeds without one that cannot be read', async () => {
    runner.patch = 'diff --git';
    runner.end(row.id, { status: 'succeeded', diffBytes: 10 });
    await expect(follow()).resolves.toMatchObject({ patch: { diffBytes: 10 } });
    expect(patches).toEqual(['diff --git']);
    const playRunner = driver.onOpen;
    driver.onOpen = async (request, side) => (request.argv[1] === 'diff' ? 1 : playRunner(request, side));
    await expect(follow()).resolves.toMatchObject({ status: 'succeeded', patch: { diffBytes: 0 } });
  });

  it('throws LeaseLostError for an instruction that is held elsewhere, finished or deleted', async () => {
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

  it('throws LeaseLostError when its writes are refused', async () => {
    const following = follow();
    await waitFor(() => runner.get(row.id).alive);
    stored.push('written by another process');
    runner.write(row.id, '1');
    runner.end(row.id);
    await expect(following).rejects.toBeInstanceOf(LeaseLostError);
  });

  it('waits for a container that is starting, and fails with one that was stopped', async () => {
    container = { ...container!, status: 'starting' };
    await expect(follow()).resolves.toBeUndefined();
    container = { ...container, status: 'stopped', desiredRunning: false };
    await expect(follow()).resolves.toMatchObject({ status: 'failed', reason: { code: 'container_stopped' } });
    expect(driver.execs).toEqual([]);
  });

  it('passes on errors of the engine and of the runner', async () => {
    driver.faults.goAway();
    await expect(follow()).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
    driver.faults.comeBack();
    driver.onOpen = async (_, { stdout }) => {
      stdout.write(NO_SUCH_PROGRAM);
      return 127;
    };
    await expect(follow()).rejects.toMatchObject({ name: 'DomainError', code: 'image_outdated' });
  });

  it('stores the events that a run may have, and ends one that has more', async () => {
    const following = follow();
    following.catch(() => undefined);
    await waitFor(() => runner.get(row.id).alive);
    runner.write(row.id, ...Array.from({ length: 7 }, (_, index) => String(index)));
    await expect(following).rejects.toMatchObject({ code: 'output_limit_exceeded' });
    expect(stored).toEqual(['0', '1', '2', '3', '4']);
  });

  it('ends a run whose output is a line without an end', async () => {
    driver.onOpen = async (_, { stdin, stdout }) => {
      stdin.resume();
      stdout.write('{"state":"started"}\nE ');
      const piece = Buffer.alloc(1024 * 1024, 'a');
      while (!stdout.destroyed) {
        if (!stdout.write(piece)) await once(stdout, 'drain').catch(() => undefined);
        await new Promise(setImmediate);
      }
      return 0;
    };
    await expect(follow()).rejects.toMatchObject({ code: 'output_limit_exceeded' });
    expect(stored).toEqual([]);
  });
});
