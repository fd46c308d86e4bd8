import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import { FakeProgram } from '../../test/support/workspace-program.js';
import { pausedContainer } from '../workspace/container-errors.js';
import type { PausedWorkspaces } from '../workspace/paused-workspaces.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { FakeProcess } from '../drivers/fake/fake-process.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import type { FileHelper } from './file-helper.js';
import { FileHelpers } from './file-helpers.js';

async function* bytes(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

class FakePauses {
  isPaused = false;
  /** Tells those who wait that the pause goes on. */
  readonly listeners = new Set<() => void>();

  requireUnpaused({ status }: ContainerRow): void {
    if (this.isPaused) throw pausedContainer(status);
  }

  onStillPaused(_id: string, listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

describe('FileHelpers', () => {
  let driver: FakeWorkspaceDriver;
  let row: ContainerRow;
  let helpers: FileHelpers;
  let client: AbortController;
  let paused: FakePauses;

  beforeEach(async () => {
    driver = new FakeWorkspaceDriver();
    row = containerRow();
    row = { ...row, ...driver.run({ id: row.id }) };
    paused = new FakePauses();
    helpers = new FileHelpers(
      new WorkspacePrograms(driver, { findById: async () => row } as unknown as ContainersRepository),
      paused as unknown as PausedWorkspaces,
    );
    client = new AbortController();
    echo();
  });
  afterEach(() => {
    helpers.onModuleDestroy();
    jest.useRealTimers();
  });

  const use = <Result>(work: (helper: FileHelper) => Promise<Result>): Promise<Result> =>
    helpers.use(row, client.signal, work);
  const ask = (document: object) => use((helper) => helper.ask(document).finally(() => helper.finish()));
  const opened = (): FakeProcess[] => driver.processes.map(({ process }) => process);
  const plays = (play: (program: FakeProgram) => Promise<number | void>): void => {
    driver.onOpen = async (_, side) => (await play(new FakeProgram(side))) ?? 0;
  };
  /** A helper that answers with the question. */
  const echo = (): void =>
    plays(async (program) => {
      for (let heard = await program.receive(); heard !== null; heard = await program.receive())
        program.send('J', { ok: true, heard });
    });

  it('keeps a helper for the next request', async () => {
    await expect(ask({ op: 'one' })).resolves.toEqual({ heard: 'J{"op":"one"}' });
    await expect(ask({ op: 'two' })).resolves.toEqual({ heard: 'J{"op":"two"}' });
    expect(opened()).toHaveLength(1);
  });

  it('refuses what needs a newer helper, and keeps the old one for other requests', async () => {
    plays(async (program) => {
      program.greet('devforge-files', 2);
      for (let heard = await program.receive(); heard !== null; heard = await program.receive())
        program.send('J', { ok: true, heard });
    });
    await ask({ op: 'one' });
    await expect(helpers.use(row, client.signal, async () => 'done', 3)).rejects.toMatchObject({
      code: 'image_outdated',
    });
    await expect(ask({ op: 'two' })).resolves.toEqual({ heard: 'J{"op":"two"}' });
    expect(opened()).toHaveLength(1);
  });

  it('gives concurrent requests a helper each', async () => {
    await Promise.all([ask({ op: 'one' }), ask({ op: 'two' }), ask({ op: 'three' })]);
    expect(opened()).toHaveLength(3);
  });

  it('refuses requests for a paused container at once, although it has an idle helper', async () => {
    await ask({ op: 'one' });
    paused.isPaused = true;
    await expect(ask({ op: 'two' })).rejects.toMatchObject({ code: 'invalid_state' });
    paused.isPaused = false;
    await expect(ask({ op: 'three' })).resolves.toEqual({ heard: 'J{"op":"three"}' });
    expect(opened()).toHaveLength(1);
  });

  it('ends a request whose container is paused for longer than a moment', async () => {
    plays(() => new Promise(() => undefined));
    const asked = ask({ op: 'one' });
    asked.catch(() => undefined);
    while (opened().length === 0) await new Promise((resolve) => setImmediate(resolve));
    paused.isPaused = true;
    for (const listener of paused.listeners) listener();
    await expect(asked).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: 'running' } });
    expect(paused.listeners.size).toBe(0);
  });

  it('runs eight requests of a container at a time, and refuses a ninth that waits for thirty seconds', async () => {
    jest.useFakeTimers();
    const finish = Promise.withResolvers<void>();
    const running = Array.from({ length: 8 }, () => use(() => finish.promise));
    const waiting = [use(async () => 'ninth'), use(async () => 'tenth')].map((each) =>
      each.catch((error: unknown) => error),
    );
    await jest.advanceTimersByTimeAsync(30_000);
    const refused = { code: 'too_many_requests', retryAfterSeconds: 1 };
    await expect(Promise.all(waiting)).resolves.toMatchObject([refused, refused]);
    const next = use(async () => 'eleventh');
    finish.resolve();
    await Promise.all(running);
    await expect(next).resolves.toBe('eleventh');
  });

  it('closes a helper that was idle for ten seconds', async () => {
    jest.useFakeTimers();
    await ask({ op: 'one' });
    await jest.advanceTimersByTimeAsync(9_000);
    expect(opened()[0]!.stdin.writableEnded).toBe(false);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(opened()[0]!.stdin.writableEnded).toBe(true);
    await ask({ op: 'two' });
    expect(opened()).toHaveLength(2);
  });

  it('repeats a request with a new helper when the idle one has ended', async () => {
    await ask({ op: 'one' });
    opened()[0]!.kill(137);
    await expect(ask({ op: 'two' })).resolves.toEqual({ heard: 'J{"op":"two"}' });
    expect(opened()).toHaveLength(2);
  });

  it('repeats a request with a new helper when the idle one ends as it is asked', async () => {
    let isFirst = true;
    plays(async (program) => {
      const mine = isFirst;
      isFirst = false;
      await program.receive();
      program.send('J', { ok: true, mine });
      await program.receive();
      return mine ? 1 : 0;
    });
    await expect(ask({})).resolves.toEqual({ mine: true });
    await expect(ask({})).resolves.toEqual({ mine: false });
  });

  it('does not repeat a request whose new helper ends, and reports why it ended', async () => {
    plays(async () => 137);
    await expect(ask({})).rejects.toMatchObject({ code: 'workspace_tool_failed' });
    expect(opened()).toHaveLength(1);
  });

  it('keeps a helper that refuses before a body, and closes one that refuses during it', async () => {
    plays(async (program) => {
      await program.receive();
      program.send('J', { ok: false, code: 'file_not_found', message: 'gone' });
      await program.receive();
      program.send('J', { ok: true });
      await program.receive();
      program.send('J', { ok: false, code: 'disk_full', message: 'full' });
      await program.receive();
    });
    await expect(ask({})).rejects.toMatchObject({ code: 'file_not_found', message: 'gone' });
    const write = use(async (helper) => {
      await helper.ask({});
      return helper.upload(bytes('a', 'b'));
    });
    await expect(write).rejects.toMatchObject({ code: 'disk_full' });
    expect(opened()).toHaveLength(1);
    expect(opened()[0]!.stdin.writableEnded).toBe(true);
  });

  it('sends a whole body and keeps the helper', async () => {
    const heard: (string | null)[] = [];
    plays(async (program) => {
      program.send('J', { ok: true });
      for (let frame = await program.receive(); frame !== 'E'; frame = await program.receive()) heard.push(frame);
      program.send('J', { ok: true, size: 2 });
      await program.receive();
    });
    const write = use(async (helper) => {
      await helper.ask({});
      return helper.upload(bytes('a', 'b'));
    });
    await expect(write).resolves.toEqual({ size: 2 });
    expect(heard).toEqual(['J{}', 'Da', 'Db']);
    expect(opened()[0]!.stdin.writableEnded).toBe(false);
  });

  it('closes a helper when the body of its request fails', async () => {
    plays(async (program) => {
      program.send('J', { ok: true });
      while ((await program.receive()) !== null);
    });
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('half');
      throw new Error('the client has disconnected');
    }
    const write = use(async (helper) => {
      await helper.ask({});
      return helper.upload(broken());
    });
    await expect(write).rejects.toThrow('the client has disconnected');
    expect(opened()[0]!.stdin.writableEnded).toBe(true);
  });

  it('passes on what a helper sends, and its error in the middle of a body', async () => {
    plays(async (program) => {
      for (const last of ['E', 'J'] as const) {
        await program.receive();
        program.send('D', 'one');
        program.send('D', 'two');
        program.send(last, last === 'J' ? { ok: false, code: 'unheard of', message: 'broken' } : '');
      }
      await program.receive();
    });
    const download = () =>
      use(async (helper) => {
        await helper.send({});
        let text = '';
        for await (const piece of helper.download()) text += piece.toString();
        return text;
      });
    await expect(download()).resolves.toBe('onetwo');
    await expect(download()).rejects.toMatchObject({ code: 'workspace_tool_failed', message: 'broken' });
  });

  it('keeps a helper whose client disconnects after the answer', async () => {
    await use(async (helper) => {
      await helper.ask({});
      helper.finish();
      client.abort();
    });
    client = new AbortController();
    await expect(ask({})).resolves.toBeDefined();
    expect(opened()).toHaveLength(1);
  });

  it('closes a helper at once when its client disconnects before the answer', async () => {
    plays(async (program) => {
      while ((await program.receive()) !== null);
    });
    const asked = ask({});
    while (opened().length === 0) await Promise.resolve();
    client.abort();
    await expect(asked).rejects.toMatchObject({ code: 'aborted' });
    expect(opened()[0]!.stdin.writableEnded).toBe(true);
  });

  it('gives up on a transfer without progress', async () => {
    jest.useFakeTimers();
    plays(async (program) => {
      while ((await program.receive()) !== null);
    });
    const asked = ask({});
    asked.catch(() => undefined);
    await jest.advanceTimersByTimeAsync(599_000);
    await expect(Promise.race([asked, 'waits'])).resolves.toBe('waits');
    await jest.advanceTimersByTimeAsync(2_000);
    await expect(asked).rejects.toMatchObject({ code: 'workspace_tool_failed' });
  });

  it('answers waiting requests when DevForge stops', async () => {
    await ask({});
    plays(async (program) => {
      while ((await program.receive()) !== null);
    });
    const asked = Promise.all([ask({}), ask({})]);
    while (opened().length < 2) await Promise.resolve();
    helpers.onModuleDestroy();
    await expect(asked).rejects.toMatchObject({ code: 'shutting_down' });
  });
});
