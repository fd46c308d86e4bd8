import { describe, expect, it, jest } from '@jest/globals';
import { IsInt, IsOptional, IsString } from 'class-validator';
import { DomainError } from '../common/errors/domain-error.js';
import { DriverError } from '../drivers/driver-error.js';
import { driverErrorToDomainError } from '../drivers/driver-error-translation.js';
import { acknowledge } from './acknowledge.js';

class PayloadDto {
  @IsString()
  containerId: string;

  @IsInt()
  interval = 2_000;
}

class OptionalDto {
  @IsOptional()
  @IsString()
  containerId?: string;
}

const deep = (levels: number): unknown => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);

describe('acknowledge', () => {
  it('answers with the result of the work', async () => {
    await expect(
      acknowledge({ containerId: 'c' }, PayloadDto, [], ({ containerId, interval }) => ({ containerId, interval })),
    ).resolves.toEqual({
      ok: true,
      containerId: 'c',
      interval: 2_000,
    });
    await expect(acknowledge({ containerId: 'c' }, PayloadDto, [], () => undefined)).resolves.toEqual({ ok: true });
  });

  it.each([undefined, null, {}])('treats %j as an empty payload', async (payload) => {
    await expect(acknowledge(payload, OptionalDto, [], () => undefined)).resolves.toEqual({ ok: true });
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['an empty object', {}],
    ['an array', []],
    ['an array of payloads', [{ containerId: 'c' }]],
    ['a string', 'c'],
    ['an empty string', ''],
    ['a number', 0],
    ['NaN', Number.NaN],
    ['a boolean', true],
    ['a function', () => undefined],
    ['bytes', Buffer.from('{"containerId":"c"}')],
    ['a prototype key', JSON.parse('{"containerId":"c","__proto__":{"admin":true}}')],
    ['a constructor key', JSON.parse('{"containerId":"c","constructor":{"prototype":{}}}')],
    ['a nested prototype key', JSON.parse('{"containerId":{"__proto__":{"admin":true}}}')],
    ['an unknown property', { containerId: 'c', everything: true }],
    ['a number for a string', { containerId: 5 }],
    ['an array for a string', { containerId: ['c'] }],
    ['an object for a string', { containerId: { length: 1 } }],
    ['bytes for a string', { containerId: Buffer.from('c') }],
    ['null for a string', { containerId: null }],
    ['a string for a number', { containerId: 'c', interval: '500' }],
    ['null for a number', { containerId: 'c', interval: null }],
    ['a fraction', { containerId: 'c', interval: 500.5 }],
    ['an infinite number', { containerId: 'c', interval: Number.POSITIVE_INFINITY }],
    ['an object without a prototype', Object.assign(Object.create(null), { wrong: 1 })],
  ])('rejects %s without doing the work', async (_, payload) => {
    const work = jest.fn(() => undefined);
    await expect(acknowledge(payload, PayloadDto, [], work)).resolves.toEqual({
      ok: false,
      error: { code: 'validation_failed', message: expect.any(String) },
    });
    expect(work).not.toHaveBeenCalled();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each([100, 20_000])('rejects a payload that is nested %i levels deep', async (levels) => {
    await expect(acknowledge({ containerId: deep(levels) }, PayloadDto, [], () => undefined)).resolves.toMatchObject({
      ok: false,
    });
  });

  it('names the invalid field', async () => {
    const answer = await acknowledge({ containerId: 5 }, PayloadDto, [], () => undefined);
    expect(answer).toMatchObject({ error: { message: expect.stringContaining('containerId') } });
  });

  it.each<[string, unknown, string]>([
    ['a domain error', new DomainError('invalid_state', 'no'), 'invalid_state'],
    ['an error of a driver', new DriverError('unavailable', 'secret socket path'), 'engine_unavailable'],
    ['an unknown error', new Error('secret'), 'internal_error'],
    ['a thrown string', 'secret', 'internal_error'],
    ['a thrown undefined', undefined, 'internal_error'],
  ])('answers %s with its code and without its details', async (_, error, code) => {
    const fail = (): never => {
      throw error;
    };
    for (const work of [fail, async () => fail()]) {
      const answer = await acknowledge({ containerId: 'c' }, PayloadDto, [driverErrorToDomainError], work);
      expect(answer).toMatchObject({ ok: false, error: { code } });
      expect(JSON.stringify(answer)).not.toContain('secret');
    }
  });
});
