/**
 * Prints numbered steps with ✓ and seconds. On a terminal each step is one live line; elsewhere plain lines without colour
 * codes: news every few seconds, and at least a line every ten seconds.
 */
const LIVE_MS = 200;
const PLAIN_MS = 5000;
const HEARTBEAT_MS = 10_000;
/** Characters of a plain line's text: a command of an image build may be long. */
const PLAIN_LENGTH = 120;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

/**
 * @param {{ total: number, stream?: NodeJS.WriteStream, env?: Record<string, string | undefined>, now?: () => number }} options
 * @returns {{ run: <T>(title: string, work: (step: { progress(text: string): void, done(text: string): void, note(text: string): void }) => Promise<T>) => Promise<T> }}
 */
export function createSteps({ total, stream = process.stdout, env = process.env, now = Date.now }) {
  const live = Boolean(stream.isTTY) && !env.CI;
  const colour = live && !env.NO_COLOR;
  const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  let number = 0;

  async function run(title, work) {
    number += 1;
    const label = `[${number}/${total}] ${title}`;
    const startedAt = now();
    let text = '';
    let summary = '';
    let frame = 0;
    let shown = { text: '', at: startedAt };
    const notes = [];
    const elapsed = () => seconds(now() - startedAt);
    const redraw = () => {
      const columns = stream.columns || 80;
      // The time comes before the text, which may be cut: it shows that the step goes on.
      const line = `${FRAMES[frame++ % FRAMES.length]} ${label} (${elapsed()})  ${text}`;
      stream.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
    };
    const plain = () => {
      if (text === shown.text && now() - shown.at < HEARTBEAT_MS) return;
      const short = text.length > PLAIN_LENGTH ? `${text.slice(0, PLAIN_LENGTH)}…` : text;
      stream.write(`  ${label}: ${short || 'working'} (${elapsed()})\n`);
      shown = { text, at: now() };
    };
    const timer = setInterval(live ? redraw : plain, live ? LIVE_MS : PLAIN_MS);
    const close = (mark, ending) => {
      clearInterval(timer);
      stream.write(`${live ? '\r\x1b[K' : ''}${mark} ${label}${ending ? `: ${ending}` : ''} (${elapsed()})\n`);
      for (const note of notes) stream.write(`    ${note}\n`);
    };
    const step = {
      progress(next) {
        text = next;
      },
      done(ending) {
        summary = ending;
      },
      note(line) {
        notes.push(line);
      },
    };
    try {
      const result = await work(step);
      close(paint(32, '✓'), summary);
      return result;
    } catch (error) {
      close(paint(31, '✗'), text);
      throw error;
    }
  }
  return { run };
}
