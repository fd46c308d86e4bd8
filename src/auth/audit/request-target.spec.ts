import { describe, expect, it } from '@jest/globals';
import { targetOfPayload, targetOfRequest } from './request-target.js';

const ID = '00000000-0000-4000-8000-00000000dead';

describe('the target of a refused request', () => {
  it.each([
    ['/api/containers/web/exec', { id: 'web' }, { kind: 'container', id: null, name: 'web' }],
    [`/api/containers/${ID}`, { id: ID }, { kind: 'container', id: ID, name: null }],
    [`/api/api-keys/${'a'.repeat(32)}`, { id: 'a'.repeat(32) }, { kind: 'api_key', id: 'a'.repeat(32), name: null }],
    [`/API/Jobs/${ID.toUpperCase()}`, { id: ID.toUpperCase() }, { kind: 'job', id: ID, name: null }],
    ['/api/projects', {}, { kind: 'project', id: null, name: null }],
    ['/metrics', {}, { kind: 'server', id: null, name: null }],
    ['/api/containers/x', { id: 'a\0b' }, { kind: 'container', id: null, name: null }],
    ['/api/containers/x', { id: 'x'.repeat(200) }, { kind: 'container', id: null, name: null }],
  ])('of %s is found by its path', (path, params, target) => {
    expect(targetOfRequest({ path, params })).toEqual(target);
  });

  it.each([
    [{ containerId: ID }, { kind: 'container', id: ID, name: null }],
    [
      { instructionId: ID, containerId: 'x' },
      { kind: 'instruction', id: ID, name: null },
    ],
    [null, { kind: 'container', id: null, name: null }],
    ['text', { kind: 'container', id: null, name: null }],
    [{ containerId: { id: 1 } }, { kind: 'container', id: null, name: null }],
  ])('of an event with %j is found in the payload', (payload, target) => {
    expect(targetOfPayload(payload)).toEqual(target);
  });
});
