import {
  BadRequestException,
  ForbiddenException,
  HttpException,
  InternalServerErrorException,
  NotFoundException,
  PayloadTooLargeException,
  UnsupportedMediaTypeException,
} from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/errors/domain-error.js';
import { ERROR_CODES, type ErrorCode } from '../common/errors/error-codes.js';
import { toDomainError, toProblem } from './problem.js';

describe('toDomainError', () => {
  it('returns a domain error unchanged, without asking the translators', () => {
    const error = new DomainError('busy', 'x');
    expect(toDomainError(error, [() => new DomainError('forbidden', 'y')])).toBe(error);
  });

  it('takes the result of the first translator that knows the error', () => {
    const translators = [
      (): undefined => undefined,
      (error: unknown) => (error === 'mine' ? new DomainError('engine_error', 'a') : undefined),
      () => new DomainError('busy', 'b'),
    ];
    expect(toDomainError('mine', translators)).toMatchObject({ code: 'engine_error' });
    expect(toDomainError('other', translators)).toMatchObject({ code: 'busy' });
  });

  it('does not pass HTTP exceptions of the framework to the translators', () => {
    const aborted = new HttpException('request aborted', 400, {
      cause: Object.assign(new Error('request aborted'), { code: 'ECONNABORTED' }),
    });
    expect(toDomainError(aborted, [() => new DomainError('database_unavailable', 'x')])).toMatchObject({
      code: 'malformed_body',
      message: 'request aborted',
    });
  });

  it.each<[HttpException, ErrorCode]>([
    [new BadRequestException('Unexpected token'), 'malformed_body'],
    [new ForbiddenException(), 'forbidden'],
    [new NotFoundException('Cannot GET /x'), 'route_not_found'],
    [new HttpException('x', 405), 'method_not_allowed'],
    [new PayloadTooLargeException(), 'payload_too_large'],
    [new UnsupportedMediaTypeException(), 'unsupported_media_type'],
    [new HttpException('x', 429), 'too_many_requests'],
    [new HttpException('secret', 418), 'internal_error'],
    [new InternalServerErrorException('secret'), 'internal_error'],
  ])('converts the HTTP exception %s to %s', (error, code) => {
    const mapped = toDomainError(error);
    expect(mapped.code).toBe(code);
    expect(mapped.message.includes('secret')).toBe(false);
  });

  it.each([[new Error('password=hunter2')], ['hunter2'], [undefined], [null], [{ message: 'hunter2' }]])(
    'hides an unknown error from clients: %s',
    (error) => {
      const mapped = toDomainError(error);
      expect(mapped.code).toBe('internal_error');
      expect(mapped.cause).toBe(error);
      expect(JSON.stringify(toProblem(mapped, 'r'))).not.toContain('hunter2');
    },
  );
});

describe('toProblem', () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('writes %s as a problem document', (code) => {
    expect(toProblem(new DomainError(code, 'what happened'), 'request-1')).toEqual({
      type: `/docs/errors#${code}`,
      title: ERROR_CODES[code].title,
      status: ERROR_CODES[code].status,
      detail: 'what happened',
      code,
      requestId: 'request-1',
    });
  });

  it('includes fields and extension members, and never the cause', () => {
    const fields = [{ field: 'name', messages: ['is in use'] }];
    const problem = toProblem(
      new DomainError('name_taken', 'x', {
        fields,
        extensions: { currentStatus: 'running' },
        cause: new Error('hunter2'),
      }),
      'r',
    );
    expect(problem).toMatchObject({ errors: fields, currentStatus: 'running' });
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it('marks errors as retryable only with a status for which clients retry', () => {
    const retryable = Object.entries(ERROR_CODES)
      .filter(([, entry]) => entry.retryable)
      .map(([, { status }]) => status);
    expect(retryable.every((status) => [408, 409, 429, 502, 503, 507].includes(status))).toBe(true);
  });
});
