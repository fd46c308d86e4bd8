import { describe, expect, it } from '@jest/globals';
import { inputText, partsOf, titleOf } from './conversation.ts';

const events = (...list: unknown[]) => list.map((event, index) => ({ seq: index + 1, event }));
const assistant = (...content: unknown[]) => ({ type: 'assistant', message: { content } });
const toolResult = (id: string, content: unknown, isError = false) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content, is_error: isError }] },
});

describe('the conversation with an agent', () => {
  it('has what the agent says, and its tools with their results', () => {
    const parts = partsOf(
      events(
        { type: 'system', subtype: 'init' },
        assistant(
          { type: 'text', text: 'Looking.' },
          { type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls\n-l' } },
        ),
        toolResult('t', [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ]),
        assistant({ type: 'text', text: 'Done.' }),
        { type: 'result', subtype: 'success' },
      ),
    );
    expect(parts).toEqual([
      { kind: 'text', key: '2-0', text: 'Looking.' },
      expect.objectContaining({ kind: 'tool', name: 'Bash', title: 'ls', result: 'a\nb', isError: false }),
      { kind: 'text', key: '4-0', text: 'Done.' },
    ]);
  });

  it('shows a tool without a result as long as it runs, and one that failed as failed', () => {
    const call = assistant({ type: 'tool_use', id: 't', name: 'Read', input: { file_path: '/x' } });
    expect(partsOf(events(call))).toMatchObject([{ title: '/x', result: null }]);
    expect(partsOf(events(call, toolResult('t', 'No such file', true)))).toMatchObject([
      { result: 'No such file', isError: true },
    ]);
  });

  it('shows what a tool changes in a file, with the numbers of the lines once they are known', () => {
    const input = { file_path: '/x', old_string: 'b', new_string: 'c' };
    const call = assistant({ type: 'tool_use', id: 't', name: 'Edit', input });
    const lines = [
      { kind: 'removed', before: null, text: 'b' },
      { kind: 'added', text: 'c' },
    ];
    expect(partsOf(events(call))).toMatchObject([{ edit: [{ lines }] }]);
    const structuredPatch = [{ oldStart: 7, newStart: 7, lines: ['-b', '+c'] }];
    const result = { ...toolResult('t', 'Changed.'), tool_use_result: { structuredPatch } };
    expect(partsOf(events(call, result))).toMatchObject([{ edit: [{ lines: [{ before: 7 }, { after: 7 }] }] }]);
  });

  it('leaves out what says nothing, and does not mind what it does not know', () => {
    const odd = [
      null,
      1,
      'text',
      [],
      {},
      { type: 'user' },
      toolResult('unknown', 'x'),
      assistant({ type: 'text', text: ' ' }),
    ];
    expect(partsOf(events(...odd, { type: 'assistant', message: 'x' }))).toEqual([]);
  });

  it('names a tool by its command, path, pattern or question', () => {
    expect(titleOf({ pattern: 'a.*b', path: '/src' })).toBe('a.*b');
    expect(titleOf({ other: 1 })).toBe('');
  });

  it('shows a command as it is typed, and other input by its names', () => {
    expect(inputText({ command: 'ls -l', description: 'List files', timeout: 9 })).toBe(
      '# List files\nls -l\n# timeout: 9',
    );
    expect(inputText({ pattern: '*.ts' })).toBe('{\n  "pattern": "*.ts"\n}');
  });
});
