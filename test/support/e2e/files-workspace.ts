import { expect } from '@jest/globals';
import { ok } from '../api/client.js';
import type { Container } from '../api/types.js';
import { codeOf, type FilesAnswer, FilesClient } from './files-client.js';
import { ensureImages } from './images.js';
import { uniqueName } from './names.js';
import { startTestServer, type TestServer } from './server.js';

export interface Listing {
  path: string;
  entries: { name: string; type: string; size: number; modifiedAt: string; mode: string; target?: string }[];
}

export const json = <Document>({ bytes }: FilesAnswer): Document => JSON.parse(bytes.toString('utf8')) as Document;

/** The answer must be a problem with that status and code. */
export const refused = async (answer: Promise<FilesAnswer>, status: number, code: string): Promise<void> =>
  expect(codeOf(await answer)).toEqual({ status, code });

/** A running container whose files a test reads and changes, over HTTP and behind DevForge's back. */
export class FilesWorkspace {
  private constructor(
    readonly server: TestServer,
    public container: Container,
    readonly files: FilesClient,
  ) {}

  static async start(): Promise<FilesWorkspace> {
    const server = await startTestServer();
    await ensureImages(server, 'claude');
    const container = await running(server);
    const workspace = new FilesWorkspace(
      server,
      container,
      new FilesClient(server.devforge.url, server.devforge.token, container.id),
    );
    await workspace.mark();
    return workspace;
  }

  /** Another container. */
  running(extra: object = {}): Promise<Container> {
    return running(this.server, extra);
  }

  filesOf({ id }: { id: string }): FilesClient {
    return new FilesClient(this.server.devforge.url, this.server.devforge.token, id);
  }

  /** What a script of bash writes, in the workspace. */
  async inside(script: string, { dockerId } = this.container): Promise<string> {
    const { exitCode, stdout, stderr } = await this.server.engine.exec(dockerId!, ['bash', '-c', script], {
      timeoutMs: 120_000,
    });
    expect({ script, exitCode, stderr }).toMatchObject({ exitCode: 0 });
    return stdout;
  }

  async names(path: string): Promise<string[]> {
    return json<Listing>(await this.files.get(path)).entries.map(({ name }) => name);
  }

  /** Empties the workspace. Nothing may be left in it beside what was asked for, and nothing may have been written anywhere else. */
  async clean(): Promise<void> {
    const left = await this.inside(
      'chmod -R u+rwX /workspace; find /workspace -name ".devforge-*"; find /workspace -mindepth 1 -maxdepth 1 -exec rm -rf {} +',
    );
    const outside = await this.inside(
      'find /tmp /home/dev /var/lib/devforge /var/tmp /dev/shm -newer /tmp/outside-mark ! -path "/tmp/outside-mark" 2>/dev/null | grep -v "^/home/dev/.claude" | sort',
    );
    expect({ left, outside }).toEqual({ left: '', outside: '' });
  }

  /** From here on nothing outside the workspace may change. */
  async mark(): Promise<void> {
    await this.inside('touch /tmp/outside-mark');
  }
}

async function running(server: TestServer, extra: object = {}): Promise<Container> {
  return ok(
    await server.api.create({ name: uniqueName('files'), template: 'claude', ...extra }, { prefer: 'wait=60' }),
  );
}
