import type { Request } from 'express';
import type { Target } from '../../common/request-context.js';
import { asId } from '../../common/id-generator.js';
import { isTokenId } from '../credentials/secret-token.js';

/** Kinds of objects by the first part of the paths of their routes. */
const KINDS: Readonly<Record<string, string>> = {
  'api-keys': 'api_key',
  containers: 'container',
  credentials: 'credential',
  instructions: 'instruction',
  jobs: 'job',
  projects: 'project',
  sessions: 'session',
  snapshots: 'snapshot',
  users: 'user',
  volumes: 'volume',
};
const NAME = /^[\w.-]{1,128}$/;

/** What a route is called for. */
export function targetOfRequest({ path, params }: Pick<Request, 'path' | 'params'>): Target {
  // Routes are found in upper case as well.
  const kind = KINDS[path.split('/')[2]?.toLowerCase() ?? ''] ?? 'server';
  const { id } = params;
  return referenceOf(kind, id);
}

/** What an event of a socket is sent for. */
export function targetOfPayload(payload: unknown): Target {
  const { containerId, instructionId } = (payload ?? {}) as Record<string, unknown>;
  return instructionId === undefined
    ? referenceOf('container', containerId)
    : referenceOf('instruction', instructionId);
}

/** Callers may send anything as an id or a name. */
function referenceOf(kind: string, reference: unknown): Target {
  const text = typeof reference === 'string' && NAME.test(reference) ? reference : null;
  const id = text === null ? undefined : (asId(text) ?? (isTokenId(text) ? text : undefined));
  return { kind, id: id ?? null, name: id === undefined ? text : null };
}
