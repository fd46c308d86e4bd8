import { describe, expect, it } from '@jest/globals';
import { parsePatch } from './patch.ts';

describe('a patch of git', () => {
  it('has the lines of each file with their numbers', () => {
    const [file, ...others] = parsePatch(
      [
        'diff --git a/src/a b.ts b/src/a b.ts',
        'index 1111111..2222222 100644',
        '--- a/src/a b.ts\t',
        '+++ b/src/a b.ts\t',
        '@@ -3,3 +3,4 @@ function one() {',
        ' same',
        '--- a removed comment',
        '+++ added',
        '+more',
        ' end',
        '\\ No newline at end of file',
        '',
      ].join('\n'),
    );
    expect(others).toEqual([]);
    expect(file).toMatchObject({ path: 'src/a b.ts', change: 'changed', movedFrom: null, added: 2, removed: 1 });
    expect(file!.hunks).toEqual([
      {
        heading: 'function one() {',
        lines: [
          { kind: 'context', before: 3, after: 3, text: 'same' },
          { kind: 'removed', before: 4, after: null, text: '-- a removed comment' },
          { kind: 'added', before: null, after: 4, text: '++ added' },
          { kind: 'added', before: null, after: 5, text: 'more' },
          { kind: 'context', before: 5, after: 6, text: 'end' },
        ],
      },
    ]);
  });

  it('tells new, removed, moved and binary files apart', () => {
    const files = parsePatch(
      [
        'diff --git a/new.txt b/new.txt',
        'new file mode 100644',
        '--- /dev/null',
        '+++ b/new.txt',
        '@@ -0,0 +1 @@',
        '+one',
        'diff --git a/old.txt b/old.txt',
        'deleted file mode 100644',
        '--- a/old.txt',
        '+++ /dev/null',
        '@@ -1 +0,0 @@',
        '-one',
        'diff --git a/a.txt b/dir/b.txt',
        'similarity index 100%',
        'rename from a.txt',
        'rename to dir/b.txt',
        'diff --git a/logo.png b/logo.png',
        'Binary files a/logo.png and b/logo.png differ',
        String.raw`diff --git "a/\303\244 \"q\".txt" "b/\303\244 \"q\".txt"`,
        'old mode 100644',
        'new mode 100755',
        '',
      ].join('\n'),
    );
    expect(files.map(({ path, change, isBinary, movedFrom }) => [path, change, isBinary, movedFrom])).toEqual([
      ['new.txt', 'added', false, null],
      ['old.txt', 'removed', false, null],
      ['dir/b.txt', 'moved', false, 'a.txt'],
      ['logo.png', 'changed', true, null],
      ['ä "q".txt', 'changed', false, null],
    ]);
  });

  it('is empty when nothing has changed', () => {
    expect(parsePatch('')).toEqual([]);
  });
});
