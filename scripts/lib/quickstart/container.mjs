/** Ensures the quickstart's container: creates it or reuses an existing one, and waits until it runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.mjs';
import { describeProblem } from './client.mjs';

const POLL_MS = 1000;
/** A first build takes minutes; one without progress for this long is stuck. */
const STUCK_MS = 20 * 60_000;
const IN_PROGRESS = new Set(['queued', 'creating', 'starting', 'cloning', 'stopping', 'deleting']);

/**
 * What of a container was asked for explicitly.
 * @typedef {{ repo?: string, branch?: string, template?: string, sshKey?: string }} Asked
 * @typedef {{ status: string, startedAt?: string | null, repoUrl?: string | null, repoBranch?: string | null, template?: string }} Found
 */

/**
 * What to do about a container that exists under the name.
 * @param {Found | undefined} found
 * @param {Asked} asked
 * @returns {'create' | 'wait' | 'start' | 'replace' | 'reuse' | 'conflict'}
 */
export function planContainer(found, asked) {
  if (!found) return 'create';
  if (differences(found, asked).length > 0) return 'conflict';
  if (found.status === 'running') return 'reuse';
  if (found.status === 'failed') return found.startedAt ? 'start' : 'replace';
  return IN_PROGRESS.has(found.status) ? 'wait' : 'start';
}

/**
 * What an existing container has otherwise than asked for. Its key is not known: the API does not show it.
 * @param {Found} found @param {Asked} asked @returns {string[]}
 */
export function differences(found, { repo, branch, template }) {
  const pairs = [
    ['repository', repo, found.repoUrl],
    ['branch', branch, found.repoBranch],
    ['template', template, found.template],
  ];
  return pairs
    .filter(([, wanted, present]) => wanted !== undefined && wanted !== present)
    .map(([what, , present]) => `${what} ${present ?? '(none)'}`);
}

/**
 * The command for another container with what was asked for.
 * @param {Asked} asked
 */
export function anotherContainer({ repo, branch, template, sshKey }) {
  const options = { repo, branch, template, 'ssh-key': sshKey };
  const words = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${value}`]));
  return ['npm run quickstart -- --name another-name', ...words].join(' ');
}

/** @returns {Promise<{ id: string, name: string, status: string, repoUrl: string | null }>} the running container */
export async function ensureContainer({ api, spec, asked, step, server }) {
  const path = `/api/containers/${encodeURIComponent(spec.name)}`;
  const found = await find(api, path);
  const plan = planContainer(found, asked);
  if (plan === 'conflict') {
    throw new Failure(`The container "${spec.name}" exists already, with ${differences(found, asked).join(', ')}.`, [
      `${anotherContainer(asked)}   # a new one beside it`,
      `npm run quickstart -- --name ${spec.name}   # the existing one`,
    ]);
  }
  if (asked.sshKey && plan !== 'create' && plan !== 'replace') {
    step.note(`--ssh-key is for new containers: "${spec.name}" exists already and keeps what it was created with.`);
    step.note(`For a new one: ${anotherContainer(asked)}`);
  }
  if (plan === 'replace') await api.must('DELETE', path);
  if (plan === 'create' || plan === 'replace') await api.must('POST', '/api/containers', spec);
  if (plan === 'start') await api.must('POST', `${path}/start`);
  const container = await waitUntilRunning({ api, path, step, server });
  step.done(
    {
      create: 'created',
      replace: 'created again after a failure',
      start: 'started',
      reuse: 'already running',
      wait: 'running',
    }[plan],
  );
  return container;
}

async function find(api, path) {
  const { status, body } = await api.request('GET', path);
  if (status === 404) return undefined;
  if (status === 200) return body;
  throw new Failure(`DevForge answered ${status} to GET ${path}: ${describeProblem(body)}`);
}

async function waitUntilRunning({ api, path, step, server }) {
  let shown = '';
  let changedAt = Date.now();
  let ending;
  void server.ended?.then((text) => (ending = text));
  for (;;) {
    if (ending) throw new Failure(`DevForge ${ending} while the container was being created.`, [`see ${server.log}`]);
    const container = await api.must('GET', path);
    if (container.status === 'running') return container;
    const job = await jobOf(api, container);
    if (container.status === 'failed' || container.status === 'missing') throw failed(container, job, server);
    const text = describeProgress(container, job);
    if (text !== shown) changedAt = Date.now();
    shown = text;
    step.progress(text);
    if (Date.now() - changedAt > STUCK_MS)
      throw new Failure(`No progress for ${STUCK_MS / 60_000} minutes; last: ${text}.`, [`see ${server.log}`]);
    await sleep(POLL_MS);
  }
}

async function jobOf(api, container) {
  const id = typeof container.job === 'string' ? container.job : container.job?.id;
  if (!id) return undefined;
  const { status, body } = await api.request('GET', `/api/jobs/${encodeURIComponent(id)}`);
  return status === 200 ? body : undefined;
}

function failed(container, job, server) {
  const reason = container.statusReason?.message ?? errorText(job?.error) ?? 'no reason given';
  return new Failure(`The container "${container.name}" is ${container.status}: ${reason}`, [
    `see ${server.log}`,
    'npm run quickstart   # tries again',
  ]);
}

const errorText = (error) => (typeof error === 'object' && error ? error.message : error) ?? undefined;

/**
 * One line of progress: the job's step, percentage and message; the container's status where there is no job.
 * @param {{ status: string }} container
 * @param {{ step?: string | null, progress?: number | { percent?: number, message?: string } | null, message?: string | null }} [job]
 */
export function describeProgress(container, job) {
  const progress = typeof job?.progress === 'object' ? job.progress : { percent: job?.progress };
  const percent =
    typeof progress?.percent === 'number' && progress.percent > 0 ? `${Math.round(progress.percent)} %` : undefined;
  return [job?.step ?? container.status, percent, job?.message ?? progress?.message].filter(Boolean).join(' · ');
}
