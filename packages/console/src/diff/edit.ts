import type { DiffLine, Hunk } from './patch.ts';

interface Fields {
  [name: string]: unknown;
}

const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

/**
 * What a tool of Claude Code changes in a file; null when it is none that does.
 * @param result `tool_use_result` of the event with the tool's result, which knows the numbers of the lines
 */
export function editOf(input: unknown, result: unknown): Hunk[] | null {
  const patch = fieldsOf(result)['structuredPatch'];
  if (Array.isArray(patch) && patch.length > 0) return patch.map((hunk) => hunkOf(fieldsOf(hunk)));
  const { old_string: before, new_string: after, content, file_path: path, edits } = fieldsOf(input);
  if (Array.isArray(edits)) return edits.flatMap((edit) => editOf(edit, null) ?? []);
  if (typeof before === 'string' && typeof after === 'string') return [replacement(before, after)];
  if (typeof content === 'string' && typeof path === 'string') return [replacement('', content)];
  return null;
}

function hunkOf({ oldStart, newStart, lines }: Fields): Hunk {
  let [before, after] = [Number(oldStart), Number(newStart)];
  const known = Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : [];
  return {
    heading: '',
    lines: known
      .filter((line) => !line.startsWith('\\'))
      .map((line): DiffLine => {
        const text = line.slice(1);
        if (line.startsWith('+')) return { kind: 'added', before: null, after: after++, text };
        if (line.startsWith('-')) return { kind: 'removed', before: before++, after: null, text };
        return { kind: 'context', before: before++, after: after++, text };
      }),
  };
}

/** Lines that both begin or end with are context. Where they are in the file is not known. */
function replacement(before: string, after: string): Hunk {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const shorter = Math.min(old.length, fresh.length);
  let start = 0;
  while (start < shorter && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === fresh.at(-1 - end)) end += 1;
  const as = (kind: DiffLine['kind']) => (text: string) => ({ kind, before: null, after: null, text });
  return {
    heading: '',
    lines: [
      ...old.slice(0, start).map(as('context')),
      ...old.slice(start, old.length - end).map(as('removed')),
      ...fresh.slice(start, fresh.length - end).map(as('added')),
      ...old.slice(old.length - end).map(as('context')),
    ],
  };
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
