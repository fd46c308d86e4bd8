import { describe, expect, it } from '@jest/globals';
import { editOf } from './edit.ts';
import type { Hunk } from './patch.ts';

const SIGNS = { added: '+', removed: '-', context: ' ' };
const textOf = (hunks: Hunk[] | null) =>
  hunks?.map(({ lines }) => lines.map(({ kind, text }) => SIGNS[kind] + text).join('|'));

describe('what a tool changes in a file', () => {
  it('is what Claude Code says about it, with the numbers of the lines', () => {
    const structuredPatch = [{ oldStart: 7, oldLines: 2, newStart: 7, newLines: 2, lines: [' a', '-b', '+c'] }];
    const hunks = editOf({ file_path: '/x', old_string: 'b', new_string: 'c' }, { structuredPatch });
    expect(textOf(hunks)).toEqual([' a|-b|+c']);
    expect(hunks![0]!.lines.map(({ before, after }) => [before, after])).toEqual([
      [7, 7],
      [8, null],
      [null, 8],
    ]);
  });

  it('is what it is asked to do, as long as there is no result', () => {
    expect(textOf(editOf({ old_string: 'a\nb\nc', new_string: 'a\nB\nc' }, null))).toEqual([' a|-b|+B| c']);
    expect(textOf(editOf({ file_path: '/x', content: 'one\ntwo\n' }, {}))).toEqual(['+one|+two']);
    const edits = [
      { old_string: 'a', new_string: '' },
      { old_string: '', new_string: 'b' },
    ];
    expect(textOf(editOf({ edits }, undefined))).toEqual(['-a', '+b']);
  });

  it('is nothing for a tool that changes no file', () => {
    for (const input of [{ command: 'ls' }, null, 'text', { content: 'x' }]) expect(editOf(input, null)).toBeNull();
  });
});
