import { describe, expect, it } from '@jest/globals';
import { parameterOf, withoutParameters } from './parameters.js';

describe('query parameters', () => {
  it('are read', () => {
    expect(parameterOf('/a?x=1&to=http%3A%2F%2Fb%2F', 'to')).toBe('http://b/');
    expect(parameterOf('/a?x=1', 'to')).toBeNull();
    expect(parameterOf('/a', 'to')).toBeNull();
  });

  it.each([
    ['/a?ticket=1', '/a'],
    ['/a?x=%20+&ticket=1&y', '/a?x=%20+&y'],
    ['/a?ticket=1&x=2&ticket=3', '/a?x=2'],
    ['/a?tickets=1', '/a?tickets=1'],
    ['/?', '/'],
    ['/a', '/a'],
  ])('are removed from %s and leave the others as they were', (path, expected) => {
    expect(withoutParameters(path, 'ticket')).toBe(expected);
  });
});
