import { describe, expect, it } from '@jest/globals';
import { NDJSON, SSE } from './event-formats.js';

const EVENTS = [
  { seq: 1, event: '{"a": 1,\r"b":"\\r\\n"}' },
  { seq: 2, event: '"text"' },
];

describe('event formats', () => {
  it('write one NDJSON line for each event', () => {
    const lines = NDJSON.write(EVENTS).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { seq: 1, event: { a: 1, b: '\r\n' } },
      { seq: 2, event: 'text' },
    ]);
    expect(lines[0]).toContain('{"a": 1,\r"b"');
  });

  it('write server-sent events without carriage returns', () => {
    const text = SSE.write(EVENTS);
    expect(text).not.toContain('\r');
    expect(
      text
        .split('\n\n')
        .slice(0, -1)
        .map((record) => record.split('\n')),
    ).toEqual([
      ['id: 1', 'data: {"seq":1,"event":{"a": 1, "b":"\\r\\n"}}'],
      ['id: 2', 'data: {"seq":2,"event":"text"}'],
    ]);
  });

  it('have a heartbeat and an end for server-sent events only', () => {
    expect([NDJSON.heartbeat, NDJSON.end]).toEqual(['', '']);
    expect([SSE.heartbeat, SSE.end]).toEqual([': idle\n\n', 'event: end\ndata: {}\n\n']);
  });
});
