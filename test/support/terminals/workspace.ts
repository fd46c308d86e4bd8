import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkspaceDriver } from '../../../src/drivers/workspace-driver.js';
import { OPEN_EGRESS } from '../../../src/drivers/workspace-egress.js';
import type { WorkspaceRef } from '../../../src/drivers/workspace.js';
import type { ContainersRepository } from '../../../src/persistence/containers/containers.repository.js';
import { WorkspacePrograms } from '../../../src/workspace/programs/workspace-programs.js';
import { dockerDriver } from '../drivers/docker-driver.js';
import { testBundle } from '../e2e/bundle.js';

export interface Workspace {
  driver: WorkspaceDriver;
  ref: WorkspaceRef;
  remove(): Promise<void>;
}

/** A workspace of the claude image, which is built when it is missing, without a server. */
export async function startWorkspace(env: Record<string, string> = {}): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-image-'));
  try {
    const extraCaCerts = join(folder, 'ca-bundle.pem');
    await writeFile(extraCaCerts, await testBundle());
    const driver = dockerDriver({ extraCaCerts });
    const { signal } = new AbortController();
    const spec = {
      id: randomUUID(),
      hostname: 'contract',
      image: await driver.prepare({ template: 'claude' }, () => undefined, signal),
      env,
      limits: { cpus: 1, memoryMiB: 512, diskMiB: 1_024, pids: 256 },
      readGitKey: null,
      egress: OPEN_EGRESS,
    };
    const ref = await driver.ensure(spec, () => undefined, signal);
    await driver.start(ref);
    return { driver, ref, remove: () => driver.remove(ref.id, { keepData: false }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The opener of programs, for workspaces that have no row. */
export function programsOf(driver: WorkspaceDriver): WorkspacePrograms {
  return new WorkspacePrograms(driver, { findById: async () => null } as unknown as ContainersRepository);
}
