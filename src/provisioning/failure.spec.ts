import { describe, expect, it } from '@jest/globals';
import { JobFailure } from '../common/errors/job-failure.js';
import { NotHeldError } from '../containers/lifecycle/container-store.js';
import { DriverError, type DriverErrorCode } from '../drivers/driver-error.js';
import { classifyFailure } from './failure.js';

describe('classifyFailure', () => {
  it('drops work whose lease is lost or that was aborted', () => {
    expect(classifyFailure(new NotHeldError('x'))).toEqual({ kind: 'dropped' });
    expect(classifyFailure(new DriverError('aborted', 'x'))).toEqual({ kind: 'dropped' });
  });

  it('waits for an unavailable engine or database', () => {
    expect(classifyFailure(new DriverError('unavailable', 'x'))).toMatchObject({
      kind: 'waiting',
      error: { code: 'engine_unavailable', retryable: true },
    });
    const away = [
      Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
      Object.assign(new Error('admin shutdown'), { code: '57P01' }),
      Object.assign(new Error('starting up'), { code: '57P03' }),
      Object.assign(new Error('too many clients'), { code: '53300' }),
      Object.assign(new Error('failure'), { code: '08006' }),
      new Error('Failed query: select', { cause: Object.assign(new Error('no file'), { code: 'ENOENT' }) }),
      new Error('Failed query: select', { cause: new Error('Connection terminated unexpectedly') }),
      new Error('timeout exceeded when trying to connect'),
    ];
    for (const error of away)
      expect(classifyFailure(error)).toMatchObject({
        kind: 'waiting',
        error: { code: 'database_unavailable', retryable: true },
      });
  });

  it.each<[DriverErrorCode, string, boolean]>([
    ['failed', 'engine_failed', true],
    ['not_found', 'engine_object_missing', true],
    ['conflict', 'engine_conflict', true],
    ['foreign', 'foreign_object', false],
    ['invalid', 'engine_refused', false],
    ['out_of_disk', 'out_of_disk', false],
    ['build_failed', 'image_build_failed', false],
  ])('maps the driver error %s to %s (retryable: %s)', (code, expected, retryable) => {
    expect(classifyFailure(new DriverError(code, 'what it said'))).toEqual({
      kind: 'failed',
      error: { code: expected, message: 'what it said', retryable },
    });
    expect(classifyFailure(new DriverError(code, 'x', { output: ['a', 'b'] }))).toMatchObject({
      error: { output: ['a', 'b'] },
    });
  });

  it('passes on the failure of a step', () => {
    expect(classifyFailure(new JobFailure('git_auth_failed', 'No.', { output: ['x'] }))).toEqual({
      kind: 'failed',
      error: { code: 'git_auth_failed', message: 'No.', retryable: false, output: ['x'] },
    });
    expect(classifyFailure(new JobFailure('git_network', 'Later.', { retryable: true }))).toEqual({
      kind: 'failed',
      error: { code: 'git_network', message: 'Later.', retryable: true },
    });
  });

  it.each([
    [new Error('password=hunter2')],
    [new TypeError('hunter2')],
    ['hunter2'],
    [undefined],
    [null],
    [Object.assign(new Error('hunter2'), { code: '23505' })],
  ])('hides the message of an unknown error: %s', (error) => {
    const failure = classifyFailure(error);
    expect(failure).toMatchObject({ kind: 'failed', error: { code: 'internal_error', retryable: true } });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });
});
