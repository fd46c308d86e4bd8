import { describe, expect, it } from '@jest/globals';
import { escapeControls, showControls } from './log-line.js';

const record = { msg: 'C1 \u009b31m, DEL \x7f, ESC \x1b[31m, \u202edirection, a \\u001b of its own, \\\\ and ü\n' };

describe('lines of the log', () => {
  it('hold no control characters, and the same texts', () => {
    const line = escapeControls(JSON.stringify(record));
    expect(line).toMatch(/^[\x20-\x7eü]+$/);
    expect(JSON.parse(line)).toEqual(record);
  });

  it('show control characters as escapes where their texts are printed', () => {
    const { msg } = JSON.parse(showControls(JSON.stringify(record))) as typeof record;
    expect(msg).toBe(
      'C1 \\u009b31m, DEL \\u007f, ESC \\u001b[31m, \\u202edirection, a \\u001b of its own, \\\\ and ü\n',
    );
  });
});
