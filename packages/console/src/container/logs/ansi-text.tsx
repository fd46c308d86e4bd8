import Anser from 'anser';
import { memo } from 'react';
import { plainText } from './log-buffer.ts';

const COLOURS: Record<string, string> = {
  'ansi-red': 'var(--red)',
  'ansi-green': 'var(--green)',
  'ansi-yellow': 'var(--amber)',
  'ansi-blue': 'var(--accent)',
  'ansi-magenta': 'var(--violet)',
  'ansi-cyan': 'var(--accent)',
  'ansi-black': 'var(--text-3)',
  'ansi-white': 'var(--text)',
};

/** A line in its ANSI colours, taken from those of the theme. */
export const AnsiText = memo(function AnsiText({ text }: { text: string }) {
  if (!text.includes('\u001b')) return text;
  return Anser.ansiToJson(text, { use_classes: true, remove_empty: true }).map(
    ({ content, fg, decorations }, index) => (
      <span
        key={index}
        style={{
          color: fg ? COLOURS[fg.replace('bright-', '')] : undefined,
          fontWeight: decorations.includes('bold') ? 600 : undefined,
        }}
      >
        {plainText(content)}
      </span>
    ),
  );
});
