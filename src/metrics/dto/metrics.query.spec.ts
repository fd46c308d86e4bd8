import { describe, expect, it } from '@jest/globals';
import { StrictValidationPipe } from '../../http/validation/validation.js';
import { MetricsQuery, windowMs } from './metrics.query.js';

const validate = (query: unknown): Promise<unknown> =>
  new StrictValidationPipe().transform(query, { type: 'query', metatype: MetricsQuery });

describe('the window of a metrics query', () => {
  it.each([
    ['1s', 1_000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['60m', 3_600_000],
    ['3600s', 3_600_000],
    ['1h', 3_600_000],
  ])('accepts %s', async (window, milliseconds) => {
    await expect(validate({ window })).resolves.toEqual({ window });
    expect(windowMs(window)).toBe(milliseconds);
  });

  it('is optional', async () => expect(validate({})).resolves.toEqual({}));

  it.each(['3601s', '61m', '2h', '99h', '9999h'])(
    'rejects %s, for which no samples are kept, with the range',
    async (window) => {
      await expect(validate({ window })).rejects.toMatchObject({
        code: 'validation_failed',
        fields: [{ field: 'window', messages: ['window must be a number with s, m or h, such as 15m, from 1s to 1h'] }],
      });
    },
  );

  it('is described as it is validated', async () => {
    const { pattern } = Reflect.getMetadata('swagger/apiModelProperties', MetricsQuery.prototype, 'window') as {
      pattern: string;
    };
    for (const unit of ['s', 'm', 'h'])
      for (let count = 0; count < 4_000; count += 1) {
        const window = `${count}${unit}`;
        const isValid = await validate({ window }).then(
          () => true,
          () => false,
        );
        expect([window, new RegExp(pattern).test(window)]).toEqual([window, isValid]);
      }
  });

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
