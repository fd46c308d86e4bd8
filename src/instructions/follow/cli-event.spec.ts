import { describe, expect, it } from '@jest/globals';
import { readCliEvent } from './cli-event.js';

const read = (line: string) => readCliEvent(Buffer.from(line));

describe('readCliEvent', () => {
  it.each(['{"type":"assistant", "text":"ü\\u0000\\ud800"}', '[1]', '"text"', '1', 'null', '{}'])(
    'keeps the JSON line %s unchanged',
    (line) => {
      expect(read(line)).toEqual({ json: line, bytes: Buffer.byteLength(line) + 1 });
    },
  );

  it.each(['', 'Warning: "odd"', '{"a":', '{"a":1} x'])(
    'stores the line %j, which is not JSON, as a JSON string',
    (line) => {
      expect(read(line)).toEqual({ json: JSON.stringify(line), bytes: Buffer.byteLength(line) + 1 });
    },
  );

  it('counts the bytes of a line that is not UTF-8', () => {
    expect(readCliEvent(Buffer.from([255, 254, 0]))).toEqual({ json: '"\ufffd\ufffd\\u0000"', bytes: 4 });
  });

  it('reads the session id from an init event only', () => {
    expect(read('{"type":"system","subtype":"init","session_id":"s"}')).toMatchObject({ sessionId: 's' });
    for (const other of [
      '{"type":"system","subtype":"status","session_id":"s"}',
      '{"type":"system","subtype":"init","session_id":5}',
      '{"type":"system","subtype":"init","session_id":"\\u0000"}',
    ]) {
      expect(read(other).sessionId).toBeUndefined();
    }
  });

  it('reads permission requests and their withdrawal', () => {
    const ask = {
      type: 'control_request',
      request_id: 'r',
      request: { subtype: 'can_use_tool', tool_name: 'Bash', input: { command: 'a\0b' } },
    };
    expect(read(JSON.stringify(ask)).permissionRequest).toEqual({
      requestId: 'r',
      toolName: 'Bash',
      input: '{"command":"a\\u0000b"}',
    });
    expect(
      read('{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool"}}').permissionRequest,
    ).toEqual({
      requestId: 'r',
      toolName: '',
      input: 'null',
    });
    expect(read('{"type":"control_cancel_request","request_id":"r"}').withdrawnRequestId).toBe('r');
    for (const other of [
      '{"type":"control_request","request_id":"r","request":{"subtype":"hook"}}',
      '{"type":"control_request","request":{"subtype":"can_use_tool"}}',
      '{"type":"control_request","request_id":"r","request":null}',
      `{"type":"control_request","request_id":"${'r'.repeat(201)}","request":{"subtype":"can_use_tool"}}`,
    ]) {
      expect(read(other).permissionRequest).toBeUndefined();
    }
  });

  it.each([
    ['deep', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['of very many values', `[${'[],'.repeat(100_000)}[]]`],
    ['not JSON and would take much more as a string', '\u0001'.repeat(3 * 1024 * 1024)],
  ])('replaces a line that is %s by an event that tells its size', (_, line) => {
    expect(read(line)).toEqual({
      json: JSON.stringify({ type: 'devforge', subtype: 'event_too_large', bytes: line.length }),
      bytes: line.length + 1,
    });
  });

  it('cuts long texts in the input of a permission request, and leaves out an input that is still too large', () => {
    const ask = (input: unknown): string =>
      JSON.stringify({ type: 'control_request', request_id: 'r', request: { subtype: 'can_use_tool', input } });
    const shown = JSON.parse(read(ask({ file_path: 'f', content: 'x'.repeat(1e6) })).permissionRequest!.input) as {
      file_path: string;
      content: string;
    };
    expect(shown.file_path).toBe('f');
    expect(shown.content).toHaveLength(16 * 1024 + 1);
    expect(read(ask(Array.from({ length: 50_000 }, () => 'abcdef'))).permissionRequest!.input).toBe('null');
  });
});
