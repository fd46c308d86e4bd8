import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Measured, WatchingAnswer, WatchingRequest } from './watching.js';

/** Clients in a process of their own. */
export class ClientProcess {
  private constructor(private readonly child: ChildProcess) {}

  static start(): ClientProcess {
    const child = fork(resolve('bench/support/metrics/clients.ts'), {
      execArgv: ['--import', './scripts/lib/ts-hooks.mjs'],
    });
    return new ClientProcess(child);
  }

  async connect(url: string, token: string, sockets: number): Promise<void> {
    await this.ask({ ask: 'connect', url, token, sockets });
  }

  async subscribe(containerIds: string[], each: number, intervalMs: number): Promise<void> {
    await this.ask({ ask: 'subscribe', containerIds, each, intervalMs });
  }

  async measure(ms: number): Promise<Measured> {
    const answer = await this.ask({ ask: 'measure', ms });
    if (answer.answer !== 'measured') throw new Error('The clients measured nothing.');
    return answer.measured;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill();
    await ended;
  }

  private async ask(request: WatchingRequest): Promise<WatchingAnswer> {
    const ended = once(this.child, 'exit').then(() => {
      throw new Error('The process of the clients has ended.');
    });
    this.child.send(request);
    const [answer] = (await Promise.race([once(this.child, 'message'), ended])) as [WatchingAnswer];
    if (answer.answer === 'failed') throw new Error(`The clients failed: ${answer.message}`);
    return answer;
  }
}
