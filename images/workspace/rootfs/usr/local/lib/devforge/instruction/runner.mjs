import { setTimeout as sleep } from 'node:timers/promises';
import { Attempt } from './attempt.mjs';
import { CliProcess } from './cli-process.mjs';
import { Conversation } from './conversation.mjs';
import { EventLog } from './event-log.mjs';
import { parseEvent } from './lines.mjs';
import { killMarked } from './processes.mjs';
import { Tail } from './tail.mjs';

/** When a container stops, the CLI may go before the runner is told. */
const SHUTDOWN_MS = 1_000;

/** Runs an instruction to its outcome, over as many attempts as it may have. */
export class Runner {
  #attempt = null;
  #audience;
  #exit = { code: null, signal: null, error: null, outOfMemory: false };
  #concluding = false;
  #leaving = false;

  /** @param {{ folder, claim, settings, request, progress }} parts */
  constructor(parts) {
    Object.assign(this, parts);
    const { folder } = this;
    this.conversation = new Conversation();
    this.stderr = new Tail(folder.file('stderr.log'));
  }

  /** Takes over a CLI that was begun a moment ago, or what an earlier runner left, and is the runner from now on. */
  launch(cli = null) {
    const { progress, folder, claim } = this;
    this.log = new EventLog(folder.events, (line, offset) => {
      if (offset === progress.offset) this.conversation.beginAttempt();
      this.conversation.observe(parseEvent(line));
    });
    if (this.log.bytes <= progress.offset) this.conversation.beginAttempt();
    claim.serve((question) => this.#reply(question));
    process.on('SIGTERM', () => this.#shutDown());
    if (cli) return this.#attend(cli);
    if (progress.attempts > 0) killMarked(folder.id);
    const settled = progress.stopped ? progress.stopped !== 'stalled' : this.conversation.result !== null;
    if (!settled) this.#nextAttempt(progress.stopped ?? 'interrupted');
  }

  /** Resolves when the outcome is written. @param {import('./audience.mjs').Audience} [audience] who is told meanwhile */
  async finish(audience) {
    this.#audience = audience;
    audience?.announce();
    while (this.#attempt) {
      this.#exit = await this.#run(this.#attempt);
      this.#attempt = null;
      if (this.progress.stopped === 'stalled') this.#nextAttempt('stalled');
    }
    await this.#conclude();
    await audience?.end();
  }

  /** @param {'interrupted' | 'stalled'} why what ended the one before */
  #nextAttempt(why) {
    const { progress, request, folder, settings, log, conversation } = this;
    if (progress.attempts > request.resumes) return progress.stop(why);
    const cli = CliProcess.begin({
      settings,
      folder,
      request,
      progress,
      offset: log.bytes,
      seenSession: conversation.sessionId,
    });
    conversation.beginAttempt();
    this.#attend(cli);
  }

  #attend(cli) {
    const { progress, request, folder, conversation, stderr } = this;
    this.#attempt = new Attempt({
      cli,
      id: folder.id,
      request,
      conversation,
      remainingMs:
        request.timeoutSeconds === null ? Infinity : Math.max(request.timeoutSeconds * 1000 - progress.spentMs, 0),
      stderr,
      onLines: (lines) => {
        this.log.append(lines);
        this.claim.announce();
        this.#audience?.announce();
      },
      onStop: (cause) => progress.stop(cause),
    });
  }

  async #run(attempt) {
    const snapshot = this.#snapshot().then(() => attempt.prompt());
    const exit = await attempt.end();
    await snapshot;
    // Whatever the CLI made of it, a run that leaves with its container is not over.
    if (this.#leaving) await new Promise(() => undefined);
    if (!this.progress.stopped && (exit.signal === 'SIGTERM' || exit.code === 143)) await sleep(SHUTDOWN_MS);
    return exit;
  }

  /** The repository as the agent finds it; it gets its prompt afterwards, and when the request is safe on the disk. */
  async #snapshot() {
    this.folder.flush('request.json');
    if (this.progress.treeBefore !== undefined) return;
    const repository = await this.#repository();
    this.progress.snapshot(await repository.tree());
  }

  /** Loaded while the CLI starts, since that start is waited for. */
  async #repository() {
    const { Repository } = await import('./repository.mjs');
    return new Repository(this.folder, this.request.cwd);
  }

  #reply({ command, requestId, answer }) {
    switch (command) {
      case 'cancel':
        return { state: this.#cancel() };
      case 'answer':
        return { state: this.#attempt?.answer(requestId, answer) ?? 'ended' };
      default:
        return { state: 'running' };
    }
  }

  /** A run that has its result keeps it. */
  #cancel() {
    const { progress } = this;
    if (progress.stopped === 'cancelled') return 'cancelling';
    if (this.#concluding || !this.#attempt) return 'ended';
    if (this.conversation.over) {
      this.#attempt.stop('grace');
      return 'ended';
    }
    this.#attempt.stop('cancelled');
    return 'cancelling';
  }

  /** The container stops: without an outcome, so that the run is gone on with. */
  async #shutDown() {
    this.#leaving = true;
    this.#attempt?.interrupt();
    await Promise.race([this.#attempt?.cli.ended, sleep(SHUTDOWN_MS / 4)]);
    process.exit();
  }

  async #conclude() {
    this.#concluding = true;
    const { conversation, progress, log } = this;
    const { code, signal } = this.#exit;
    const repository = await this.#repository();
    const { verdict } = await import('./outcome.mjs');
    const changes = await repository.changesSince(progress.treeBefore ?? null);
    this.stderr.save();
    this.folder.write('outcome.json', {
      ...verdict({
        stopped: progress.stopped,
        result: conversation.result,
        exit: this.#exit,
        lastWords: this.stderr.lastLine(),
      }),
      sessionId: conversation.sessionId,
      result: conversation.result?.result || null,
      costUsd: conversation.costUsd,
      turns: conversation.turns,
      usage: conversation.usage,
      startedAt: progress.startedAt,
      finishedAt: new Date().toISOString(),
      events: log.count,
      resumes: Math.max(progress.attempts - 1, 0),
      exitCode: code,
      signal,
      ...changes,
    });
    this.folder.flush('outcome.json');
    repository.forget();
    this.claim.release();
  }
}
