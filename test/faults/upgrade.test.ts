/** Containers made by the release before are taken over by this one, with all that runs in them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { FilesClient } from '../support/e2e/files-client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { BrowserClient } from '../support/editor/browser-client.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { expectCompleteRun, StepwiseModel, stepwisePrompt } from '../support/instructions/stepwise-model.js';
import { SocketClient } from '../support/sockets/socket-client.js';
import { TerminalClient } from '../support/terminals/terminal-client.js';
import { previousRelease } from '../support/upgrade/previous-release.js';

const STEPS = 60;
const DEFAULT_PROJECT = { id: '00000000-0000-4000-8000-000000000001', name: 'default' };
const STEP_SECONDS = 0.5;
const EDITOR_START_MS = 60_000;
const PAGE = '/?folder=/workspace';

describe('an upgrade from 0.1.0', () => {
  let server: InstructionsServer;
  let workspace: Workspace;
  let before: Container;
  let model: StepwiseModel;
  let terminalId: string;
  let runId: string;
  let browser: BrowserClient;
  const sockets: SocketClient[] = [];

  const id = (): string => workspace.container.id;
  const files = (): FilesClient => new FilesClient(server.devforge.url, server.devforge.token, id());
  const openTerminal = async (terminal?: string): Promise<TerminalClient> => {
    const socket = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    sockets.push(socket);
    return TerminalClient.open(socket, id(), terminal === undefined ? {} : { terminalId: terminal });
  };
  const editor = (path: string): string =>
    `http://${workspace.container.name}.localhost:${new URL(server.devforge.url).port}${path}`;
  const link = async (): Promise<string> =>
    ok(await server.api.request<{ url: string }>('POST', `/api/containers/${id()}/editor`)).url;
  const exec = async (command: string[]): Promise<{ exitCode: number; stdout: string }> =>
    ok(await server.api.request('POST', `/api/containers/${id()}/exec`, { body: { command } }));

  beforeAll(async () => {
    const { entry } = await previousRelease();
    server = await startInstructionsServer({}, { entry });
    await ensureImages(server, 'both');
    workspace = await server.workspace({ template: 'both' });
    model = new StepwiseModel(workspace.model);

    const terminal = await openTerminal();
    terminalId = terminal.id;
    await terminal.shows(/\$ *$/m);
    await terminal.type('echo before-$((40 + 2)); cat\r');
    await terminal.shows('before-42');
    expect((await files().put('notes.md', 'written before')).status).toBe(201);
    await exec(['sh', '-c', 'echo "# mine" >> ~/.bashrc; mkdir -p ~/.local/bin; echo tool > ~/.local/bin/tool']);
    await exec(['sh', '-c', 'mkdir ~/secret; echo hidden > ~/secret/file; chmod 000 ~/secret']);
    browser = new BrowserClient(server.devforge.url);
    expect((await browser.signIn(await link())).status).toBe(302);
    expect((await browser.request(editor(PAGE))).status).toBe(200);
    runId = (await server.instructions.create(id(), stepwisePrompt('upgrade', STEPS, STEP_SECONDS))).id;
    await server.instructions.waitFor(runId, 'is under way', ({ lastSeq }) => lastSeq >= 5);
    before = ok(await server.api.get(id()));

    for (const socket of sockets.splice(0)) socket.close();
    await server.devforge.restartFrom(resolve('dist/main.js'));
  }, IMAGE_BUILD_MS + EDITOR_START_MS);
  afterAll(async () => {
    for (const socket of sockets) socket.close();
    await server?.dispose();
  }, 60_000);

  it('finds the container running, untouched', async () => {
    const { status, dockerId, startedAt, image, editorUrl } = ok(await server.api.get(id()));
    expect({ status, dockerId, startedAt, image, editorUrl }).toEqual({
      status: 'running',
      dockerId: before.dockerId,
      startedAt: before.startedAt,
      image: before.image,
      editorUrl: before.editorUrl,
    });
  });

  it('finds it in the default project, for the token of before', async () => {
    expect(ok(await server.api.get(id())).projectId).toBe(DEFAULT_PROJECT.id);
    const { kind, projects } = ok(await server.api.request<{ kind: string; projects: object[] }>('GET', '/api/me'));
    expect({ kind, projects }).toMatchObject({ kind: 'administrator', projects: [DEFAULT_PROJECT] });
    const instruction = ok(await server.api.request<{ id: string }>('GET', `/api/instructions/${runId}`));
    expect(instruction.id).toBe(runId);
  });

  it('goes on with its terminal', async () => {
    const terminal = await openTerminal(terminalId);
    await terminal.shows('before-42');
    await terminal.type('after\r');
    await terminal.shows(/after\s+after/);
    await terminal.type('\u0004');
    await terminal.shows(/\$ *$/m);
    expect((await terminal.close()).ok).toBe(true);
  });

  it('opens another terminal in it', async () => {
    const terminal = await openTerminal();
    await terminal.shows(/\$ *$/m);
    await terminal.type('echo new-$((1 + 1))\r');
    await terminal.shows('new-2');
    expect((await terminal.close()).ok).toBe(true);
  });

  it('reads and writes its files', async () => {
    expect((await files().get('notes.md')).bytes.toString()).toBe('written before');
    expect((await files().put('more.md', 'written after')).status).toBe(201);
    await expect(exec(['cat', 'more.md'])).resolves.toMatchObject({ exitCode: 0, stdout: 'written after' });
  });

  it('shows VS Code to the browser that was signed in, and to another one', async () => {
    expect((await browser.request(editor(PAGE))).status).toBe(200);
    const other = new BrowserClient(server.devforge.url);
    expect((await other.signIn(await link())).status).toBe(302);
    const page = await other.request(editor(PAGE));
    expect(page.status).toBe(200);
    expect(page.body).toContain('vscode');
  });

  it('follows the instruction that runs to its end, each event once', async () => {
    await expectCompleteRun(server.instructions, { name: 'upgrade', steps: STEPS, id: runId }, model);
  }, 300_000);

  it('runs another instruction in it', async () => {
    const { id: next } = await server.instructions.create(id(), stepwisePrompt('next', 2, 0.1));
    await expectCompleteRun(server.instructions, { name: 'next', steps: 2, id: next }, model);
  }, 120_000);

  it('stops and starts it', async () => {
    expect(ok(await server.api.request<Container>('POST', `/api/containers/${id()}/stop`)).status).toBe('stopped');
    expect(ok(await server.api.request<Container>('POST', `/api/containers/${id()}/start`)).status).toBe('running');
    await expect(exec(['cat', 'notes.md'])).resolves.toMatchObject({ exitCode: 0, stdout: 'written before' });
  }, 60_000);

  it(
    'leaves the network of an autonomous container as it was, and restricts a new one',
    async () => {
      expect(before).toMatchObject({ mode: 'autonomous' });
      const container = ok(await server.api.get(id()));
      expect(container).toMatchObject({ mode: 'autonomous', egress: 'open', egressAllow: [] });
      const { HostConfig } = await server.engine.inspect(container.dockerId!);
      expect(HostConfig.NetworkMode).not.toBe('none');
      const { stdout } = await exec(['sh', '-c', 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " " | sort']);
      expect(stdout.trim().split('\n')).toEqual(['eth0', 'lo']);
      const { container: fresh } = await server.workspace();
      expect(fresh).toMatchObject({ mode: 'autonomous', egress: 'restricted' });
    },
    IMAGE_BUILD_MS,
  );

  it(
    'moves it to the current image with all its files, and its home to a volume',
    async () => {
      ok(await server.api.request<Container>('POST', `/api/containers/${id()}/rebuild`));
      const rebuilt = await server.api.waitForStatus(id(), 'running', IMAGE_BUILD_MS);
      expect(rebuilt.image).not.toBe(before.image);
      expect(rebuilt.dockerId).not.toBe(before.dockerId);
      await expect(exec(['cat', 'notes.md'])).resolves.toMatchObject({ exitCode: 0, stdout: 'written before' });
      const home =
        'tail -1 ~/.bashrc; cat ~/.local/bin/tool; chmod 700 ~/secret; cat ~/secret/file; stat -c %U ~/secret/file';
      expect((await exec(['sh', '-c', home])).stdout).toBe('# mine\ntool\nhidden\ndev\n');
      const inspected = await server.engine.inspect(rebuilt.dockerId!);
      expect(inspected.Mounts.map(({ Name }) => Name)).toContain(`devforge-${id()}-home`);
      const { containers } = await server.engine.labelled(id());
      expect(containers.map(({ Id }) => Id)).toEqual([rebuilt.dockerId]);
    },
    IMAGE_BUILD_MS,
  );

  it('deletes it', async () => {
    expect((await server.api.remove(id())).status).toBe(204);
    expect(await server.engine.labelled(id())).toEqual({ containers: [], networks: [], volumes: [] });
  }, 120_000);
});
