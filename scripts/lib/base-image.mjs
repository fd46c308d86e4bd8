/** Ensures the base image: present, pulled, or built with debootstrap when no registry answers. */
import { engineCall } from './engine-api.mjs';
import { Failure } from './failure.mjs';
import { parseImage } from './image-name.mjs';
import { makeDebianImage, planDebootstrap } from './debootstrap.mjs';

const PULL_IDLE_MS = 60_000;
const PULL_TOTAL_MS = 10 * 60_000;

/** @param {string} reference BASE_IMAGE */
export async function ensureBaseImage(address, reference, host, step) {
  if (await isPresent(address, reference)) return step.done(`${reference} is present`);
  step.progress(`pulling ${reference}`);
  const reason = await pull(address, reference, step.progress);
  if (!reason) return step.done(`pulled ${reference}`);
  step.note(`${reference} cannot be pulled (${reason})`);
  const suite = await planDebootstrap({ address, reference, host, reason });
  await makeDebianImage(address, { reference, suite, host, step });
  return step.done(`built ${reference} with debootstrap`);
}

async function isPresent(address, reference) {
  const { status, text } = await engineCall(address, { path: `/images/${reference}/json` });
  if (status !== 200 && status !== 404)
    throw new Failure(`The engine answered ${status} when asked for ${reference}.`, [], [text.trim()]);
  return status === 200;
}

/** @returns {Promise<string | undefined>} the reason of a failure, undefined after a success */
async function pull(address, reference, progress) {
  const { repository, tag, digest } = parseImage(reference);
  const query = new URLSearchParams({ fromImage: repository, tag: digest ?? tag });
  let failure;
  try {
    const { status, text } = await engineCall(address, {
      method: 'POST',
      path: `/images/create?${query}`,
      idleMs: PULL_IDLE_MS,
      totalMs: PULL_TOTAL_MS,
      onLine: (line) => {
        failure ??= line.error ?? line.message;
        if (line.status)
          progress(`pulling ${reference}: ${[line.id, line.status, line.progress].filter(Boolean).join(' ')}`);
      },
    });
    if (status === 200 && !failure) return undefined;
    failure ??= text.trim() || `status ${status}`;
  } catch (error) {
    failure = error.message;
  }
  return shorten(failure);
}

/** An engine's error without the address that it begins with, on one line. */
const shorten = (text) =>
  text
    .replace(/^Get "[^"]*":? ?/, '')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 120);
