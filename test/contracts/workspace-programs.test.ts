import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { buffer, text } from 'node:stream/consumers';
import type { Principal } from '../../src/auth/principal.js';
import type { DomainError } from '../../src/common/errors/domain-error.js';
import type { ContainersService } from '../../src/containers/containers.service.js';
import { Tunnel } from '../../src/editor/tunnel/tunnel.js';
import { ExecDto } from '../../src/exec/dto/exec.dto.js';
import { ExecService } from '../../src/exec/exec.service.js';
import type { FileHelper } from '../../src/files/file-helper.js';
import { FileHelpers } from '../../src/files/file-helpers.js';
import { type FollowedPart, RunnerClient, type RunRequest } from '../../src/instructions/runner/runner-client.js';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import type { TerminalEvent } from '../../src/terminals/pty-host-connection.js';
import { PtyHost } from '../../src/terminals/pty-host.js';
import { PROGRAM_VERSIONS, type WorkspaceProgram } from '../../src/workspace/programs/programs.js';
import type { WorkspacePrograms } from '../../src/workspace/programs/workspace-programs.js';
import { Engine } from '../support/api/engine.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { FRAME_VECTORS, TOO_LONG_VECTORS, VECTORS_JSON } from '../support/frames/vectors.js';
import { FAKE_CLAUDE_LOG, installFakeClaude, installPrograms } from '../support/releases/install-programs.js';
import { programsOf, startWorkspace, type Workspace } from '../support/terminals/workspace.js';
import { containerRow } from '../support/rows.js';
import { neverPaused } from '../support/never-paused.js';
import { noAudit } from '../support/no-audit.js';

const PORT = 7_000;
const ECHO_SERVER = `require('node:net').createServer((socket) => socket.pipe(socket)).listen(${PORT}, '127.0.0.1')`;
const SIZE = { columns: 80, rows: 24 };

const engine = new Engine();
let workspace: Workspace;
let programs: WorkspacePrograms;
let row: ContainerRow;

const start = async (): Promise<void> => {
  workspace = await startWorkspace({ FAKE_CLAUDE_LOG, CLAUDE_CONFIG_DIR: '/var/lib/devforge/claude' });
  row = containerRow({ ...workspace.ref });
  programs = programsOf(workspace.driver);
};

/** Runs the program until it has written something, or has ended. @returns its version then */
async function versionOf(program: WorkspaceProgram, args: string[]): Promise<number> {
  const process = await programs.open(row, program, { args });
  process.stdin.end();
  while ((await process.read()) !== null);
  return process.version;
}

// A server must go on working with the containers of earlier releases, whose programs are not replaced.
describe.each([
  ['this release', undefined, PROGRAM_VERSIONS],
  ['release 0.1.0', '0.1.0', Object.fromEntries(Object.keys(PROGRAM_VERSIONS).map((program) => [program, 1]))],
])('DevForge with the workspace programs of %s', (_, release, versions) => {
  beforeAll(async () => {
    await start();
    if (release !== undefined) await installPrograms(engine, workspace.ref.runtimeId, release);
    await installFakeClaude(engine, workspace.ref.runtimeId);
  }, IMAGE_BUILD_MS);
  afterAll(() => workspace?.remove());

  it.each<[WorkspaceProgram, string[]]>([
    ['devforge-agents', ['watch']],
    ['devforge-clone', ['cancel']],
    ['devforge-editor', ['start']],
    ['devforge-exec', []],
    ['devforge-files', []],
    ['devforge-instruction', ['cancel', randomUUID()]],
    ['devforge-terminal', ['attach']],
    ['devforge-tunnel', []],
  ])('knows the version of %s', async (program, args) => {
    await expect(versionOf(program, args)).resolves.toBe(versions[program]);
  });

  it('knows the set-up of a workspace, which older images do not have', async () => {
    const ended = programs.run(row, 'devforge-setup', { args: ['cancel'], timeoutMs: 10_000 }).then(
      ({ exitCode }) => exitCode,
      ({ code }: DomainError) => code,
    );
    await expect(ended).resolves.toBe(release === undefined ? 0 : 'image_outdated');
  });

  it('runs commands', async () => {
    const service = new ExecService(
      { find: async () => row } as unknown as ContainersService,
      programs,
      noActivity,
      noAudit,
    );
    const dto = Object.assign(new ExecDto(), { command: ['sh', '-c', 'cat; echo oops >&2; exit 3'], stdin: 'input' });
    await expect(service.run({} as Principal, row.id, dto, new AbortController().signal)).resolves.toMatchObject({
      exitCode: 3,
      stdout: 'input',
      stderr: 'oops\n',
      timedOut: false,
    });
  });

  describe('files', () => {
    let helpers: FileHelpers;
    beforeEach(() => {
      helpers = new FileHelpers(programs, neverPaused);
    });
    afterEach(() => helpers.onModuleDestroy());
    const use = <Result>(work: (helper: FileHelper) => Promise<Result>): Promise<Result> =>
      helpers.use(row, new AbortController().signal, work);

    it('writes a file and reads it, with one helper', async () => {
      const content = Buffer.alloc(700_000, 'content ');
      await use(async (helper) => {
        await helper.ask({ op: 'write', path: 'dir/file', maxBytes: 1_000_000 });
        await helper.upload(
          (async function* () {
            yield content;
          })(),
        );
      });
      const read = await use(async (helper) => {
        await helper.ask({ op: 'read', path: 'dir/file' });
        await helper.send({ send: true, offset: 0, length: content.length });
        return buffer(helper.download());
      });
      expect(Buffer.from(read).equals(content)).toBe(true);
    });

    it('has a file removed only under its conditions, which an older helper refuses altogether', async () => {
      const { runtimeId } = workspace.ref;
      await engine.exec(runtimeId, ['touch', '/workspace/kept']);
      const document = { op: 'remove-if', path: 'kept', conditions: { match: ['"another"'] } };
      const removing = helpers.use(row, new AbortController().signal, (helper) => helper.ask(document), 3);
      await expect(removing).rejects.toMatchObject({
        code: release === undefined ? 'precondition_failed' : 'image_outdated',
      });
      expect((await engine.exec(runtimeId, ['ls', '/workspace/kept'])).exitCode).toBe(0);
    });

    it('reports what the helper refuses', async () => {
      await expect(use((helper) => helper.ask({ op: 'read', path: 'nothing' }))).rejects.toMatchObject({
        code: 'file_not_found',
      });
    });
  });

  it('opens, attaches to, lists and ends terminals', async () => {
    const ptyHost = new PtyHost(programs);
    await expect(ptyHost.list(row)).resolves.toEqual([]);
    const id = randomUUID();
    const first = await ptyHost.open(row, id, SIZE);
    first.input('echo $((40 + 2))\n');
    for await (const event of first.events()) if (event.kind === 'output' && event.text.includes('42')) break;
    first.close();
    await expect(ptyHost.list(row)).resolves.toMatchObject([{ id, size: SIZE }]);
    const second = await ptyHost.attach(row, id);
    second.request({ op: 'screen' });
    second.request({ op: 'end' });
    const events: TerminalEvent[] = [];
    for await (const event of second.events()) events.push(event);
    expect(events.find(({ kind }) => kind === 'screen')).toMatchObject({ text: expect.stringContaining('42') });
    expect(events.at(-1)).toMatchObject({ kind: 'exit' });
    await expect(ptyHost.attach(row, randomUUID())).rejects.toMatchObject({ code: 'terminal_not_found' });
  });

  it('carries connections to a port', async () => {
    await engine.exec(workspace.ref.runtimeId, ['sh', '-c', `setsid node -e "${ECHO_SERVER}" > /dev/null 2>&1 &`]);
    const tunnel = await Tunnel.over(await programs.open(row, 'devforge-tunnel'));
    try {
      for (;;) {
        const socket = await tunnel.dial(PORT).catch(() => undefined);
        if (socket === undefined) continue;
        socket.end('hello');
        await expect(text(socket)).resolves.toBe('hello');
        break;
      }
    } finally {
      tunnel.close();
    }
  });

  it('watches the agent', async () => {
    const process = await programs.open(row, 'devforge-agents', { args: ['watch'] });
    process.stdin.write('credential ANTHROPIC_API_KEY=k\nalive 60\n');
    const first = await process.read();
    expect(JSON.parse(String(first))).toEqual({ state: 'none', since: null, waitingFor: null });
    process.close();
  });

  describe('instructions', () => {
    const runner = (): RunnerClient => new RunnerClient(programs);
    const signal = new AbortController().signal;
    const request = { cwd: '/workspace', permissionMode: 'bypassPermissions', stallSeconds: 60, graceSeconds: 1 };
    const all = async (parts: AsyncGenerator<FollowedPart>): Promise<FollowedPart[]> => {
      const received: FollowedPart[] = [];
      for await (const part of parts) received.push(part);
      return received;
    };

    it('runs one, follows it again, and removes it', async () => {
      const run = { workspace: workspace.ref, instructionId: randomUUID() };
      const prompt = JSON.stringify([[['init'], ['say', 'hello'], ['result', { result: 'done' }]]]);
      const performing = runner().perform(
        run,
        { request: { ...request, prompt, newSessionId: randomUUID() } as unknown as RunRequest, env: {} },
        0,
        signal,
      );
      const parts = await all(performing);
      expect(parts.at(-1)).toMatchObject({ kind: 'outcome', outcome: { status: 'succeeded', result: 'done' } });
      const followed = await all(runner().follow(run, 0, signal));
      expect(followed.flatMap((part) => (part.kind === 'events' ? part.lines.map(String) : []))).toEqual(
        parts.flatMap((part) => (part.kind === 'events' ? part.lines.map(String) : [])),
      );
      expect(Buffer.from(await buffer(runner().diff(run, signal))).length).toBe(0);
      await runner().forget(run);
      await expect(all(runner().follow(run, 0, signal))).resolves.toMatchObject([
        { kind: 'outcome', outcome: { status: 'cancelled' } },
      ]);
    });

    it('answers a permission that nobody waits for', async () => {
      const run = { workspace: workspace.ref, instructionId: randomUUID() };
      await expect(runner().answer(run, 'request', 'allow')).resolves.toBe('unknown');
    });
  });

  it('reads the result of programs that only have an exit code', async () => {
    await expect(programs.run(row, 'devforge-clone', { args: ['cancel'], timeoutMs: 10_000 })).resolves.toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    await expect(programs.run(row, 'devforge-editor', { args: ['start'], timeoutMs: 10_000 })).resolves.toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('no VS Code'),
    });
  });
});

describe('DevForge with a workspace whose image does not have a program', () => {
  beforeAll(async () => {
    await start();
    const removed = await engine.exec(workspace.ref.runtimeId, ['sh', '-c', 'rm /usr/local/bin/devforge-*'], {
      user: '0',
    });
    expect(removed.exitCode).toBe(0);
  }, IMAGE_BUILD_MS);
  afterAll(() => workspace?.remove());

  const outdated = { code: 'image_outdated' };

  it('reports an outdated image, whichever program is missing', async () => {
    const exec = new ExecService(
      { find: async () => row } as unknown as ContainersService,
      programs,
      noActivity,
      noAudit,
    );
    const signal = new AbortController().signal;
    const dto = Object.assign(new ExecDto(), { command: ['true'] });
    await expect(exec.run({} as Principal, row.id, dto, signal)).rejects.toMatchObject(outdated);
    const helpers = new FileHelpers(programs, neverPaused);
    await expect(helpers.use(row, signal, (helper) => helper.ask({ op: 'read', path: '' }))).rejects.toMatchObject(
      outdated,
    );
    await expect(new PtyHost(programs).open(row, randomUUID(), SIZE)).rejects.toMatchObject(outdated);
    await expect(new PtyHost(programs).list(row)).rejects.toMatchObject(outdated);
    const runner = new RunnerClient(programs);
    const run = { workspace: workspace.ref, instructionId: randomUUID() };
    await expect(runner.cancel(run)).rejects.toMatchObject(outdated);
    await expect(runner.perform(run, { request: {} as RunRequest, env: {} }, 0, signal).next()).rejects.toMatchObject(
      outdated,
    );
    await expect(runner.follow(run, 0, signal).next()).rejects.toMatchObject(outdated);
    await expect(programs.run(row, 'devforge-editor', { args: ['start'], timeoutMs: 10_000 })).rejects.toMatchObject(
      outdated,
    );
  });
});

describe('frames of the Python programs', () => {
  interface Read {
    received: [kind: string, payload: string][];
    pushed: [kind: string, payload: string][];
    sent: string;
  }
  let read: { frames: Read[]; tooLong: boolean[] };

  beforeAll(async () => {
    await start();
    const process = await workspace.driver.open(workspace.ref, { argv: ['python3', '-c', PYTHON_END] });
    process.stderr.resume();
    process.stdin.end(VECTORS_JSON);
    read = JSON.parse(await text(process.stdout)) as typeof read;
  }, IMAGE_BUILD_MS);
  afterAll(() => workspace?.remove());

  it.each(FRAME_VECTORS.map((vector, index) => ({ ...vector, index })))(
    'are read and written: $name',
    ({ bytes, frames, index }) => {
      const expected = frames.map(({ kind, payload }) => [kind, payload.toString('hex')]);
      expect(read.frames[index]).toEqual({ received: expected, pushed: expected, sent: bytes.toString('hex') });
    },
  );

  it('are refused when they are too long', () => {
    expect(read.tooLong).toEqual(TOO_LONG_VECTORS.map(() => true));
  });
});

/** Reads and writes every vector with the modules of the image, the input in pieces of one to seven bytes. */
const PYTHON_END = `
import json, os, sys
sys.path.insert(0, "/usr/local/lib/devforge/tools")
from frames import Channel, Disconnected, FrameReader

vectors = json.load(sys.stdin)
result = os.dup(1)

def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]

def feed(data):
    source, sink = os.pipe()
    os.write(sink, data)
    os.close(sink)
    os.dup2(source, 0)
    os.close(source)

def receive(data):
    feed(data)
    channel = Channel()
    frames = []
    try:
        while True:
            kind, payload = channel.receive()
            frames.append([kind.decode(), payload.hex()])
    except Disconnected:
        return frames

def push(data, size):
    reader = FrameReader()
    return [[kind.decode(), payload.hex()] for piece in pieces(data, size) for kind, payload in reader.push(piece)]

def send(frames):
    source, sink = os.pipe()
    os.dup2(sink, 1)
    os.close(sink)
    feed(b"")
    channel = Channel()
    for frame in frames:
        channel.send(frame["kind"].encode(), bytes.fromhex(frame["payload"]))
    os.dup2(result, 1)
    return os.read(source, 1 << 16).hex()

def refused(data):
    try:
        list(FrameReader().push(data))
        return False
    except Disconnected:
        feed(data)
        try:
            Channel().receive()
        except Disconnected:
            return True

frames = []
for vector in vectors["frames"]:
    data = bytes.fromhex(vector["bytes"])
    pushed = [push(data, size) for size in range(1, 8)]
    assert all(each == pushed[0] for each in pushed)
    frames.append({"received": receive(data), "pushed": pushed[0], "sent": send(vector["frames"])})
too_long = [refused(bytes.fromhex(vector["bytes"])) for vector in vectors["tooLong"]]
os.set_blocking(result, True)
os.write(result, json.dumps({"frames": frames, "tooLong": too_long}).encode())
`;
import { noActivity } from '../support/no-activity.js';
