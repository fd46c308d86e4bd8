const STEP = /^Step (\d+)\/(\d+) : /;

/** Derives the progress of a build from its output. */
export class BuildProgress {
  percent = 0;

  read(line: string): void {
    const step = STEP.exec(line);
    if (step === null) return;
    this.percent = Math.floor(((Number(step[1]) - 1) / Number(step[2])) * 100);
  }
}

/** Lines that say nothing about the current step, which may be silent for minutes. */
const NOISE = /^ ---> |^Removing intermediate container|^npm warn/i;

export function isInformative(line: string): boolean {
  return !NOISE.test(line);
}

/** Messages of network failures, after which a retry may succeed. */
const TRANSIENT =
  /Temporary failure|Could not resolve|Failed to fetch|Connection (?:timed out|reset|refused)|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|network timeout|502 Bad|503 Service|504 Gateway/i;

export function isTransientFailure(output: string[]): boolean {
  return TRANSIENT.test(output.join('\n'));
}
