import { describe, expect, it } from '@jest/globals';
import { mergeEnv, parseEnvFile } from './env-file.mjs';

describe('.env', () => {
  it('reads plain, quoted, exported and commented values', () => {
    const text = [
      '# settings',
      'PORT=3001',
      'export HOST = "127.0.0.1" # loopback',
      "TOKEN='a # b'",
      'NAME=x # y',
      'EMPTY=',
      'URL=http://h/#frag',
      'no value',
    ].join('\r\n');
    expect(parseEnvFile(text)).toEqual({
      PORT: '3001',
      HOST: '127.0.0.1',
      TOKEN: 'a # b',
      NAME: 'x',
      EMPTY: '',
      URL: 'http://h/#frag',
    });
  });

  it('is overridden by the environment, where empty means unset', () => {
    expect(mergeEnv({ A: 'file', B: 'file', C: '' }, { A: 'env', B: '' })).toEqual({ A: 'env', B: 'file' });
  });
});
