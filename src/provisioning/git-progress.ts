import { cleanGitLine } from './git-output.js';

const PHASE =
  /^(?:remote: )?(Counting objects|Compressing objects|Receiving objects|Resolving deltas|Updating files): +(\d+)%/;
/** Start and size of each phase, in percent of a clone. */
const SHARE: Record<string, [from: number, share: number]> = {
  'Counting objects': [0, 3],
  'Compressing objects': [3, 7],
  'Receiving objects': [10, 70],
  'Resolving deltas': [80, 15],
  'Updating files': [95, 5],
};

const MAX_LINE_LENGTH = 4_096;

/** Derives the progress of a clone from git's output. */
export class GitProgress {
  percent = 0;
  private rest = '';

  /** @returns the lines that the chunk completes; git overwrites a line by a carriage return. Only the end of a long line is kept. */
  read(chunk: Buffer): string[] {
    const lines = (this.rest + chunk.toString('utf8')).split(/[\r\n]/);
    this.rest = (lines.pop() ?? '').slice(-MAX_LINE_LENGTH);
    const complete = lines.map((line) => cleanGitLine(line).trim()).filter((line) => line !== '');
    for (const line of complete) {
      const phase = PHASE.exec(line);
      const [from, share] = SHARE[phase?.[1] ?? ''] ?? [this.percent, 0];
      this.percent = Math.max(this.percent, Math.floor(from + (share * Number(phase?.[2] ?? 0)) / 100));
    }
    return complete;
  }
}
