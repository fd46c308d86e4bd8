const STEP = /^Step (\d+)\/(\d+) : /;

/** Reads how far a build is from its output. */
export class BuildProgress {
  percent = 0;

  read(line: string): void {
    const step = STEP.exec(line);
    if (step === null) return;
    this.percent = Math.floor(((Number(step[1]) - 1) / Number(step[2])) * 100);
  }
}

/** Lines of the builder about itself, and warnings: a step that is silent for minutes shows what it does, not the last of these. */
const NOISE = /^ ---> |^Removing intermediate container|^npm warn/i;

export function isTelling(line: string): boolean {
  return !NOISE.test(line);
}

/** Causes in a build's output that may be gone at the next try. */
const PASSING =
  /Temporary failure|Could not resolve|Failed to fetch|Connection (?:timed out|reset|refused)|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|network timeout|502 Bad|503 Service|504 Gateway/i;

export function isPassingCause(output: string[]): boolean {
  return PASSING.test(output.join('\n'));
}
