import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../../http/validation.js';
import { MetricsQuery, windowMs } from './metrics.query.js';

const validate = (query: unknown): Promise<unknown> =>
  new StrictValidationPipe().transform(query, { type: 'query', metatype: MetricsQuery });

describe('the window of a metrics query', () => {
  it.each([
    ['1s', 1_000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['9999h', 35_996_400_000],
  ])('accepts %s', async (window, milliseconds) => {
    await expect(validate({ window })).resolves.toEqual({ window });
    expect(windowMs(window)).toBe(milliseconds);
  });

  it('is optional', async () => expect(validate({})).resolves.toEqual({}));

  it.each([
    '',
    '15',
    'm',
    '0m',
    '015m',
    '-5m',
    '1.5h',
    '15 m',
    '15M',
    '1d',
    '10000s',
    '5m5s',
    ' 5m',
    '5m\n',
    ['5m'],
    { s: 1 },
  ])('rejects %j', async (window) => {
    await expect(validate({ window })).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it('is the only parameter', async () => {
    await expect(validate({ windows: '5m' })).rejects.toMatchObject({ code: 'validation_failed' });
  });
});
