import { describe, expect, it } from '@jest/globals';
import { toPtyHostMessage } from './terminal-frames.js';

describe('toPtyHostMessage', () => {
  it.each([
    ['c', '{"ok":true,"text":"é"}', { kind: 'control', message: { ok: true, text: 'é' } }],
    ['d', 'a€🚀', { kind: 'output', text: 'a€🚀' }],
    ['d', '', { kind: 'output', text: '' }],
    ['s', '\x01\x2c\x00\x02é', { kind: 'screen', size: { columns: 300, rows: 2 }, text: 'é' }],
  ])('parses %s %j', (kind, text, message) => {
    expect(toPtyHostMessage({ kind, data: Buffer.from(text) })).toEqual(message);
  });

  it.each([
    ['a screen without its size', 's', 'abc'],
    ['a message that is not JSON', 'c', '{'],
    ['a message that is a number', 'c', '5'],
    ['a message that is null', 'c', 'null'],
  ])('rejects %s', (_, kind, text) => {
    expect(() => toPtyHostMessage({ kind, data: Buffer.from(text) })).toThrow(
      expect.objectContaining({ name: 'DriverError', code: 'failed' }),
    );
  });
});
