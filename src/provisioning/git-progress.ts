import { cleanGitLine } from './git-output.js';
import { OutputLines } from './output-lines.js';

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
  private readonly lines = new OutputLines(MAX_LINE_LENGTH);

  /** @returns the lines that the chunk completes */
  read(chunk: Buffer): string[] {
    const complete = this.lines
      .read(chunk)
      .map((line) => cleanGitLine(line).trim())
      .filter((line) => line !== '');
    for (const line of complete) {
      const phase = PHASE.exec(line);
      const [from, share] = SHARE[phase?.[1] ?? ''] ?? [this.percent, 0];
      this.percent = Math.max(this.percent, Math.floor(from + (share * Number(phase?.[2] ?? 0)) / 100));
    }
    return complete;
  }
}
