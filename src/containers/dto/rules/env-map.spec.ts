import { describe, expect, it } from '@jest/globals';
import { envMapError } from './env-map.js';

describe('envMapError', () => {
  it.each([
    ['nothing', {}],
    ['names and values', { FOO: 'bar', _x1: '', lower: 'a=b c\t"$x"' }],
    [
      'names that only look reserved',
      {
        LDFLAGS: '-L',
        GITHUB_TOKEN: 'x',
        MY_PATH: '/',
        PATHS: '/',
        NODE_OPTION: 'x',
        ENVIRONMENT: 'x',
        DEVFORGEX: 'x',
      },
    ],
    ["the container's own credential", { ANTHROPIC_API_KEY: 'x' }],
    ['the longest value', { FOO: 'x'.repeat(32_768) }],
    ['the most entries', Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`V${index}`, '']))],
  ])('accepts %s', (_what, env) => {
    expect(envMapError(env)).toBeUndefined();
  });

  it.each([
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'LD_',
    'ld_preload',
    'GIT_SSH_COMMAND',
    'GIT_ALLOW_PROTOCOL',
    'GIT_DIR',
    'git_dir',
    'NODE_OPTIONS',
    'node_options',
    'PATH',
    'Path',
    'SSH_AUTH_SOCK',
    'BASH_ENV',
    'ENV',
    'DEVFORGE_CONTAINER_ID',
    'DEVFORGE_X',
  ])('refuses %s', (name) => {
    expect(envMapError({ [name]: 'x' })).toBe(`must not set ${name}`);
  });

  it.each(['', '1A', 'A-B', 'A B', 'A=B', 'A.B', 'Ü', 'A\n', '$A', 'LD_PRELOAD\0'])('refuses the name %j', (name) => {
    expect(envMapError({ [name]: 'x' })).toMatch(/^has a name that is not valid/);
  });

  it.each([
    ['a line feed', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['a NUL', 'a\0b'],
    ['a trailing line feed', 'a\n'],
  ])('refuses a value with %s', (_what, value) => {
    expect(envMapError({ FOO: value })).toBe('must not have line breaks or NUL in FOO');
  });

  it.each([[1], [true], [null], [undefined], [['x']], [{ a: 'x' }]])('refuses the value %j', (value) => {
    expect(envMapError({ FOO: value })).toBe('must give FOO a string');
  });

  it.each([[null], [undefined], ['FOO=bar'], [1], [['FOO=bar']], [[]]])('refuses %j in place of the map', (env) => {
    expect(envMapError(env)).toBe('must be an object of strings');
  });

  it('refuses values and maps beyond the limits', () => {
    expect(envMapError({ FOO: 'x'.repeat(32_769) })).toMatch(/characters in FOO$/);
    expect(envMapError(Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`V${index}`, ''])))).toMatch(
      /200 entries$/,
    );
  });

  it('shows only the beginning of a name, and never a value', () => {
    expect(envMapError({ [`-${'x'.repeat(500)}`]: 'hunter2' })?.length).toBeLessThan(120);
    expect(envMapError({ LD_PRELOAD: 'hunter2' })).not.toContain('hunter2');
  });
});
