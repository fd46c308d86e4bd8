import { describe, expect, it } from '@jest/globals';
import { GREETING_VECTORS } from '../../../test/support/frames/vectors.js';
import { GreetingReader } from './greeting.js';

describe('GreetingReader', () => {
  it.each(GREETING_VECTORS)('reads $name, however the output is cut', ({ program, output, version, rest }) => {
    for (let size = 1; size <= Math.max(output.length, 1); size++) {
      const reader = new GreetingReader(program);
      const read: Buffer[] = [];
      for (let at = 0; at < output.length; at += size) read.push(reader.push(output.subarray(at, at + size)));
      read.push(reader.end());
      expect(Buffer.concat(read).toString('hex')).toBe(rest.toString('hex'));
      expect(reader.version).toBe(version);
    }
  });

  it('hands on what comes after the greeting without a copy', () => {
    const reader = new GreetingReader('devforge-exec');
    expect(reader.push(Buffer.from('devforge-exec 2\n'))).toHaveLength(0);
    const chunk = Buffer.from('devforge-exec 3\n');
    expect(reader.push(chunk)).toBe(chunk);
    expect(reader.version).toBe(2);
  });

  it('holds back no more than a greeting is long', () => {
    const reader = new GreetingReader('devforge-exec');
    expect(reader.push(Buffer.from(`devforge-exec ${'1'.repeat(7)}`))).toHaveLength(21);
  });
});
