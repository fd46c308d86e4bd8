import { expect } from '@jest/globals';
import { ok } from '../api/client.js';
import type { Container, CreateContainer } from '../api/types.js';
import type { GitServers } from '../git/git-servers.js';
import { uniqueName } from './names.js';
import type { TestServer } from './server.js';

/** More jobs than one process runs at a time, so that some of them wait in the queue. */
export const MORE_JOBS_THAN_WORKERS = 12;

export const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
  name: uniqueName(),
  template: 'claude',
  memoryLimit: 128,
  ...extra,
});
export const cloning = (git: GitServers, extra: Partial<CreateContainer> = {}): CreateContainer =>
  wanted({ repoType: 'clone', repoUrl: git.url('https', 'open'), ...extra });

export async function expectProvisioned({ engine, api }: TestServer, { id }: Container): Promise<void> {
  const { dockerId, job } = ok(await api.get(id));
  expect((await engine.labelled(id)).containers.map(({ Id, State }) => ({ Id, State }))).toEqual([
    { Id: dockerId, State: 'running' },
  ]);
  expect(ok(await api.job(job!.id))).toMatchObject({ state: 'completed', progress: 100, error: null });
}
