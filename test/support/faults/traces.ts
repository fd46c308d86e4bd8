import { expect } from '@jest/globals';
import { ok } from '../api/client.js';
import type { Engine } from '../api/engine.js';
import type { Container } from '../api/types.js';
import type { TestServer } from '../e2e/server.js';
import { until } from '../e2e/until.js';
import type { EngineProxy } from '../engine-proxy/engine-proxy.js';

/** Names of the containers, volumes and networks that the engine has for this id, with or without labels. */
export async function tracesOf(engine: Engine, id: string): Promise<string[]> {
  const [named, { containers, volumes, networks }] = await Promise.all([
    engine.docker.listContainers({ all: true, filters: { name: [id] } }),
    engine.labelled(id),
  ]);
  const names = new Set([...named, ...containers].flatMap(({ Names }) => Names));
  return [...names, ...volumes.map(({ Name }) => Name), ...networks.map(({ Name }) => Name)].toSorted();
}

/** The names that {@link tracesOf} returns for a complete container. */
export function expectedTraces(id: string, { key }: { key: boolean }): string[] {
  const name = `devforge-${id}`;
  const made = [`/${name}`, `${name}-egress`, `${name}-home`, `${name}-state`, `${name}-workspace`];
  return (key ? [...made, `/${name}-git-agent`, `${name}-git-agent`] : made).toSorted();
}

/** Expects that it runs, its job is completed, and the engine has each of its parts once. */
export async function expectComplete(
  server: Pick<TestServer, 'api' | 'engine'>,
  id: string,
  parts: { key: boolean } = { key: false },
  timeoutMs = 60_000,
): Promise<Container> {
  const container = await server.api.waitForStatus(id, 'running', timeoutMs);
  expect(container).toMatchObject({ statusReason: null, job: { state: 'completed', progress: 100, error: null } });
  expect(await tracesOf(server.engine, id)).toEqual(expectedTraces(id, parts));
  const { containers } = await server.engine.labelled(id);
  expect(containers.map(({ State }) => State)).toEqual(containers.map(() => 'running'));
  expect(containers.map(({ Id }) => Id)).toContain(container.dockerId);
  return container;
}

/** Expects the repository with its history, checked out without changes. */
export async function expectRepository(
  { engine }: Pick<TestServer, 'engine'>,
  { dockerId }: Container,
  commits: number,
): Promise<void> {
  const log = await engine.exec(dockerId!, ['git', '-C', '/workspace', 'log', '--format=%s'], { user: '1000' });
  expect(log.stderr).toBe('');
  expect(log.stdout.trim().split('\n')).toHaveLength(commits);
  const state = await engine.exec(dockerId!, ['git', '-C', '/workspace', 'status', '--porcelain'], { user: '1000' });
  expect(state.stdout).toBe('');
}

/** Deletes it and expects that nothing is left at the engine or in the API. */
export async function expectRemovable({ api, engine }: Pick<TestServer, 'api' | 'engine'>, id: string): Promise<void> {
  ok(await api.remove(id));
  expect(await tracesOf(engine, id)).toEqual([]);
  expect((await api.get(id)).status).toBe(404);
}

/** Expects that a delete completes, at whichever process. */
export async function expectGone(
  { api, engine }: Pick<TestServer, 'api' | 'engine'>,
  id: string,
  left: string[] = [],
): Promise<void> {
  await until('the container to be gone', async () => (await api.get(id)).status === 404, 30_000);
  expect(await tracesOf(engine, id)).toEqual(left);
}

/** The ids of all containers whose creation was requested through this proxy. */
export function idsCreatedThrough({ requests }: EngineProxy): Set<string> {
  const labels = requests.flatMap(({ method, url, body }) =>
    method === 'POST' && url.startsWith('/containers/create') ? [body?.['Labels']] : [],
  );
  return new Set((labels as Record<string, string>[]).map((each) => each['devforge.id']!));
}
