const DOCKER_STEP = /^Step (\d+)\/(\d+) : /;
/** Podman counts the steps of each stage, of which there may be several. */
const PODMAN_STEP = /^(?:\[(\d+)\/(\d+)\] )?STEP (\d+)\/(\d+): /;

/** Derives the progress of a build from its output. */
export class BuildProgress {
  percent = 0;

  read(line: string): void {
    const docker = DOCKER_STEP.exec(line);
    if (docker !== null) this.percent = percentOf(docker[1]!, docker[2]!);
    const podman = PODMAN_STEP.exec(line);
    if (podman === null) return;
    const [, stage = '1', stages = '1', step = '1', steps = '1'] = podman;
    this.percent = Math.floor((percentOf(stage, stages) * Number(stages) + percentOf(step, steps)) / Number(stages));
  }
}

function percentOf(step: string, steps: string): number {
  return Math.floor(((Number(step) - 1) / Number(steps)) * 100);
}

/** Lines that say nothing about the current step, which may be silent for minutes. */
const NOISE = /^ ---> |^--> |^Removing intermediate container|^npm warn/i;

export function isInformative(line: string): boolean {
  return !NOISE.test(line);
}

/** Messages of network failures, after which a retry may succeed. */
const TRANSIENT =
  /Temporary failure|Could not resolve|Failed to fetch|Connection (?:timed out|reset|refused)|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|network timeout|502 Bad|503 Service|504 Gateway/i;

export function isTransientFailure(output: string[]): boolean {
  return TRANSIENT.test(output.join('\n'));
}
