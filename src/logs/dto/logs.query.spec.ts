import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../../http/validation/validation.js';
import { LogsQuery } from './logs.query.js';

const validate = (query: unknown): Promise<unknown> =>
  new StrictValidationPipe().transform(query, { type: 'query', metatype: LogsQuery });

describe('the query of a log', () => {
  it('asks for the last 200 lines of both streams by default', async () => {
    await expect(validate({})).resolves.toMatchObject({ tail: 200, stream: 'all', timestamps: true, follow: false });
  });

  it.each<[Record<string, string>, object]>([
    [{ tail: '0' }, { tail: 0 }],
    [{ tail: '10000' }, { tail: 10_000 }],
    [
      { follow: 'true', timestamps: 'false' },
      { follow: true, timestamps: false },
    ],
    [{ stream: 'stderr' }, { stream: 'stderr' }],
    [{ since: '2030-01-01T00:00:00.123456789Z', until: '2030-01-01T02:00:00+02:00' }, {}],
  ])('accepts %j', async (query, expected) => {
    await expect(validate(query)).resolves.toMatchObject(expected);
  });

  it.each([
    { tail: '-1' },
    { tail: '10001' },
    { tail: 'all' },
    { tail: '1.5' },
    { tail: ['1', '2'] },
    { stream: 'both' },
    { follow: 'yes' },
    { timestamps: '' },
    { since: 'yesterday' },
    { since: '2030-W05' },
    { since: '2030-01-01T00:00:00' },
    { since: '2016-12-31T23:59:60Z' },
    { until: '9999-12-31T23:59:59-01:00' },
    { until: '1893456000' },
    { until: ['2030-01-01T00:00:00Z'] },
    { lines: '5' },
  ])('rejects %j', async (query) => {
    await expect(validate(query)).rejects.toMatchObject({ code: 'validation_failed' });
  });
});
