import { describe, expect, it } from '@jest/globals';
import { ownPath } from './return-path.js';

describe('ownPath', () => {
  it.each([
    ['/', '/'],
    ['/sign-in?container=web&port=3000', '/sign-in?container=web&port=3000'],
    ['/docs/errors#x', '/docs/errors#x'],
    ['/a/../b', '/b'],
    ['/?to=//evil.example', '/?to=//evil.example'],
    ['/%2f/evil.example', '/%2f/evil.example'],
    ['/@evil.example', '/@evil.example'],
  ])('takes %s as browsers resolve it', (path, expected) => {
    expect(ownPath(path)).toBe(expected);
  });

  it.each([
    'https://evil.example/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/\n\\evil.example',
    ' //evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    '/%2e//evil.example',
    'javascript:alert(1)',
    'docs',
    '',
    undefined,
    ['/docs'],
  ])('refuses %j', (path) => {
    expect(ownPath(path)).toBeNull();
  });
});
