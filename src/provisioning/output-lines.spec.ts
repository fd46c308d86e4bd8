import { describe, expect, it } from '@jest/globals';
import { OutputLines } from './output-lines.js';

describe('OutputLines', () => {
  it('has the lines that a chunk completes, whatever ends them', () => {
    const lines = new OutputLines(100);
    expect(lines.read(Buffer.from('one\ntwo\rthr'))).toEqual(['one', 'two']);
    expect(lines.read(Buffer.from('ee\r\nfour'))).toEqual(['three', '']);
    expect(lines.read(Buffer.from('\n'))).toEqual(['four']);
  });

  it('has characters whole that come in two chunks', () => {
    const lines = new OutputLines(100);
    const bytes = Buffer.from('grüße\n');
    expect([...lines.read(bytes.subarray(0, 3)), ...lines.read(bytes.subarray(3))]).toEqual(['grüße']);
  });

  it('keeps only the end of a long line', () => {
    const lines = new OutputLines(3);
    lines.read(Buffer.from('123456'));
    expect(lines.read(Buffer.from('\n'))).toEqual(['456']);
  });
});
