import { describe, expect, it } from '@jest/globals';
import { malformedText, payloadFault } from './payload-limits.js';

const nested = (levels: number): unknown => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);

describe('payloadFault', () => {
  it.each([
    ['32 levels', nested(32)],
    ['1,000 arguments', { command: Array.from({ length: 1_000 }, () => 'x') }],
    ['a text', 'x'],
    ['nothing', undefined],
  ])('accepts %s', (_, payload) => {
    expect(payloadFault(payload)).toBeUndefined();
  });

  it.each([
    ['33 levels', nested(33), 'levels'],
    ['100,000 levels', nested(100_000), 'levels'],
    ['70,000 keys', Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, 1])), 'values'],
    ['very many arrays', Array.from({ length: 70_000 }, () => []), 'values'],
  ])('refuses %s', (_, payload, reason) => {
    expect(payloadFault(payload)!.messages.join()).toContain(reason);
  });
});

describe('malformedText', () => {
  it.each([
    [{ env: { A: '\ud800' } }, 'env'],
    [{ env: { '\udc00': 'a' } }, 'env'],
    [{ list: [['ok', ['a\ud800b']]] }, 'list'],
    [{ '\ud800': 1 }, '\ufffd'],
  ])('names the field of %j', (body, field) => {
    expect(malformedText(body)).toEqual({ field, messages: ['must be well-formed Unicode text'] });
  });

  it('accepts surrogate pairs, NUL and everything that is no text', () => {
    expect(malformedText({ a: '😀\0', b: [1, null, true, { c: {} }] })).toBeUndefined();
  });
});
