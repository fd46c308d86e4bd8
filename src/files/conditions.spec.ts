import { describe, expect, it } from '@jest/globals';
import { type Conditions, conditionsOf, readConditionsOf } from './conditions.js';

describe('conditionsOf', () => {
  it.each<[Record<string, string>, Conditions | undefined]>([
    [{}, undefined],
    [{ 'if-match': '*' }, { match: '*' }],
    [{ 'if-match': '"a"' }, { match: ['"a"'] }],
    [{ 'if-match': '"a","b" , "c,d"' }, { match: ['"a"', '"b"', '"c,d"'] }],
    [{ 'if-match': 'W/"a", "b"' }, { match: ['"b"'] }],
    [{ 'if-match': 'W/"a"' }, { match: [] }],
    [{ 'if-none-match': ' * ' }, { noneMatch: '*' }],
    [{ 'if-none-match': 'W/"a", "b"' }, { noneMatch: ['"a"', '"b"'] }],
    [{ 'if-unmodified-since': 'Thu, 01 Jan 1970 00:01:40 GMT' }, { unmodifiedSince: 100 }],
    [{ 'if-match': '"a"', 'if-unmodified-since': 'Thu, 01 Jan 1970 00:01:40 GMT' }, { match: ['"a"'] }],
    [
      { 'if-match': '*', 'if-none-match': '"b"' },
      { match: '*', noneMatch: ['"b"'] },
    ],
  ])('reads %j', (headers, expected) => {
    expect(conditionsOf(headers)).toEqual(expected);
  });

  it.each([
    { 'if-match': '' },
    { 'if-match': 'a' },
    { 'if-match': '"a' },
    { 'if-match': '"a" "b"' },
    { 'if-match': '*, "a"' },
    { 'if-none-match': 'a' },
    { 'if-unmodified-since': 'yesterday' },
  ])('refuses %j, since ignoring it could overwrite a file', (headers) => {
    expect(() => conditionsOf(headers)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        fields: [{ field: Object.keys(headers)[0], messages: [expect.any(String)] }],
      }),
    );
  });

  it('leaves If-None-Match of a request that reads to the answer', () => {
    expect(readConditionsOf({ 'if-none-match': 'x' })).toBeUndefined();
    expect(readConditionsOf({ 'if-none-match': '"a"', 'if-match': '"b"' })).toEqual({ match: ['"b"'] });
  });
});
