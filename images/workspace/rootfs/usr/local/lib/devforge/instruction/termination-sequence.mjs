import { killRunProcesses, sendSignal } from './run-processes.mjs';

/** Sends SIGINT, SIGTERM and SIGKILL, one after the other, until the CLI has ended. */
export class TerminationSequence {
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #target;

  /** @param {{ pid: number, id: string, seconds: number }} target `id` of the instruction, and the time between signals */
  constructor(target) {
    this.#target = target;
  }

  /** @param {NodeJS.Signals} first */
  begin(first) {
    if (this.#timer === undefined) this.#send(first);
  }

  end() {
    clearTimeout(this.#timer);
  }

  /** @param {NodeJS.Signals} signal */
  #send(signal) {
    const { pid, id, seconds } = this.#target;
    if (signal === 'SIGKILL') {
      sendSignal(-pid, signal);
      killRunProcesses(id);
    } else {
      // SIGINT goes to the CLI alone, which then ends its turn and its tools.
      sendSignal(signal === 'SIGINT' ? pid : -pid, signal);
    }
    this.#timer = setTimeout(() => this.#send(signal === 'SIGINT' ? 'SIGTERM' : 'SIGKILL'), seconds * 1000);
  }
}
