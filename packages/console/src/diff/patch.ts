export interface DiffLine {
  kind: 'context' | 'added' | 'removed';
  /** Line numbers before and after, from 1; null where the line does not exist. */
  before: number | null;
  after: number | null;
  text: string;
}

export interface Hunk {
  /** What git says the hunk is in, such as a function; empty when it says nothing. */
  heading: string;
  lines: DiffLine[];
}

export interface FileDiff {
  path: string;
  /** Where it was before, when it has moved. */
  movedFrom: string | null;
  change: 'added' | 'removed' | 'moved' | 'changed';
  isBinary: boolean;
  hunks: Hunk[];
  added: number;
  removed: number;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;
const KINDS: Record<string, DiffLine['kind']> = { ' ': 'context', '+': 'added', '-': 'removed', '': 'context' };

/** The files of a patch of git, in its order. */
export function parsePatch(text: string): FileDiff[] {
  const files: FileDiff[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length;) {
    const line = lines[at]!;
    at += 1;
    if (line.startsWith('diff --git ')) files.push(fileOf(line));
    const file = files.at(-1);
    if (file === undefined) continue;
    const hunk = HUNK.exec(line);
    if (hunk === null) readHeader(file, line);
    else at = readHunk(file, hunk, lines, at);
  }
  return files;
}

function fileOf(line: string): FileDiff {
  const names = line.slice('diff --git '.length);
  // Without a rename both names are the same, so that the first one is half of it.
  const path = names.startsWith('"')
    ? unquote(names.slice(0, closingQuote(names) + 1))
    : names.slice(0, names.length / 2);
  return {
    path: withoutPrefix(path),
    movedFrom: null,
    change: 'changed',
    isBinary: false,
    hunks: [],
    added: 0,
    removed: 0,
  };
}

function readHeader(file: FileDiff, line: string): void {
  if (line.startsWith('new file mode')) file.change = 'added';
  else if (line.startsWith('deleted file mode')) file.change = 'removed';
  else if (line.startsWith('rename from ')) {
    file.change = 'moved';
    file.movedFrom = unquote(line.slice('rename from '.length));
  } else if (line.startsWith('rename to ')) file.path = unquote(line.slice('rename to '.length));
  else if (line.startsWith('Binary files ') || line === 'GIT binary patch') file.isBinary = true;
  else if (line.startsWith('+++ ') && line !== '+++ /dev/null') file.path = withoutPrefix(unquote(line.slice(4)));
}

/** @returns the index of the first line behind the hunk */
function readHunk(
  file: FileDiff,
  [, from, less, to, more, heading]: RegExpExecArray,
  lines: string[],
  start: number,
): number {
  const hunk: Hunk = { heading: heading!, lines: [] };
  file.hunks.push(hunk);
  let [before, after] = [Number(from), Number(to)];
  // A removed line may look like a header: the numbers of the hunk say where it ends.
  const [lastBefore, lastAfter] = [before + Number(less ?? 1), after + Number(more ?? 1)];
  let at = start;
  for (; at < lines.length && (before < lastBefore || after < lastAfter); at += 1) {
    const line = lines[at]!;
    if (line.startsWith('\\')) continue;
    const kind = KINDS[line.slice(0, 1)];
    if (kind === undefined) break;
    hunk.lines.push({
      kind,
      before: kind === 'added' ? null : before++,
      after: kind === 'removed' ? null : after++,
      text: line.slice(1),
    });
    if (kind === 'added') file.added += 1;
    if (kind === 'removed') file.removed += 1;
  }
  return at;
}

const withoutPrefix = (path: string): string => path.replace(/^[abciow]\//, '');

function closingQuote(text: string): number {
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

const ESCAPES: Record<string, number> = { n: 10, t: 9, r: 13, '"': 34, '\\': 92, a: 7, b: 8, f: 12, v: 11 };

/** A path as git writes it: in quotes, with the bytes of what is not ASCII as octal numbers, where it has to be. */
function unquote(path: string): string {
  if (!path.startsWith('"')) return path.replace(/\t$/, '');
  const bytes: number[] = [];
  const inner = path.slice(1, closingQuote(path));
  for (let at = 0; at < inner.length; at += 1) {
    if (inner[at] !== '\\') {
      bytes.push(...new TextEncoder().encode(inner[at]));
      continue;
    }
    const octal = /^[0-7]{3}/.exec(inner.slice(at + 1));
    bytes.push(octal === null ? (ESCAPES[inner[at + 1] ?? ''] ?? 63) : Number.parseInt(octal[0], 8));
    at += octal === null ? 1 : 3;
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
