/** Something that the palette does. */
export interface Command {
  id: string;
  label: string;
  /** What it belongs to, which is searched as well. */
  group: string;
  run: () => void;
}

/** Commands with all of the words in their label or group, those whose label begins with the text first. */
export function matching(commands: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const begins = ({ label }: Command): number => (label.toLowerCase().startsWith(words[0] ?? '') ? 0 : 1);
  return commands
    .filter(({ label, group }) => words.every((word) => `${label} ${group}`.toLowerCase().includes(word)))
    .toSorted((a, b) => begins(a) - begins(b));
}
