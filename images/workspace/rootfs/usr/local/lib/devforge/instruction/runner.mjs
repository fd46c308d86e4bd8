import { setTimeout as sleep } from 'node:timers/promises';
import { Attempt } from './attempt.mjs';
import { CliProcess } from './cli-process.mjs';
import { Conversation } from './conversation.mjs';
import { EventLog } from './event-log.mjs';
import { parseEvent } from './line-splitter.mjs';
import { RunLog } from './run-log.mjs';
import { killRunProcesses } from './run-processes.mjs';
import { StderrTail } from './stderr-tail.mjs';

/** When a container stops, the CLI may end before the runner gets its SIGTERM. */
const SHUTDOWN_MS = 1_000;

/**
 * @typedef {object} RunnerDependencies
 * @property {import('./folder.mjs').Folder} folder
 * @property {import('./runner-socket.mjs').RunnerSocket} socket
 * @property {import('./command-line.mjs').Settings} settings
 * @property {import('./request.mjs').Request} request
 * @property {import('./progress.mjs').Progress} progress
 */

/** Runs an instruction until it has an outcome, in as many attempts as the request allows. */
export class Runner {
  /** @type {Attempt | null} */
  #attempt = null;
  /** @type {import('./subscriber.mjs').Subscriber | undefined} */
  #subscriber;
  /** @type {import('./outcome.mjs').CliExit} */
  #exit = { code: null, signal: null, error: null, outOfMemory: false };
  #conversation = new Conversation();
  #isConcluding = false;
  #isShuttingDown = false;
  #log;
  #runLog;
  #parts;
  #stderr;

  /** @param {RunnerDependencies} parts */
  constructor(parts) {
    this.#parts = parts;
    const { folder, progress } = parts;
    this.#runLog = new RunLog(folder.id);
    this.#stderr = new StderrTail(folder.file('stderr.log'));
    this.#log = new EventLog(folder.events, (line, offset) => {
      if (offset === progress.offset) this.#conversation.beginAttempt();
      this.#conversation.observe(parseEvent(line));
    });
    if (this.#log.bytes <= progress.offset) this.#conversation.beginAttempt();
  }

  /** Begins to serve commands, and continues the run. @param {CliProcess} [cli] one that has just been started */
  launch(cli) {
    const { progress, folder, socket } = this.#parts;
    socket.serve((command) => this.#reply(command));
    process.on('SIGTERM', () => this.#shutDown());
    if (cli) {
      this.#runLog.began(this.#parts.request.prompt);
      return this.#attend(cli);
    }
    if (progress.attempts > 0) killRunProcesses(folder.id);
    const hasEnded = progress.stopped ? progress.stopped !== 'stalled' : this.#conversation.result !== null;
    if (!hasEnded) this.#nextAttempt(progress.stopped ?? 'interrupted');
  }

  /** Resolves when the outcome has been written. @param {import('./subscriber.mjs').Subscriber} [subscriber] */
  async finish(subscriber) {
    this.#subscriber = subscriber;
    subscriber?.notify();
    while (this.#attempt) {
      this.#exit = await this.#run(this.#attempt);
      this.#attempt = null;
      if (this.#parts.progress.stopped === 'stalled') this.#nextAttempt('stalled');
    }
    await this.#conclude();
    await subscriber?.end();
  }

  /** @param {import('./outcome.mjs').StopCause} cause why the attempt before ended */
  #nextAttempt(cause) {
    const { progress, request, folder, settings } = this.#parts;
    if (progress.attempts > request.resumes) return progress.stop(cause);
    const cli = CliProcess.begin({
      settings,
      folder,
      request,
      progress,
      offset: this.#log.bytes,
      previousSession: this.#conversation.sessionId,
    });
    this.#conversation.beginAttempt();
    this.#attend(cli);
  }

  /** @param {CliProcess} cli */
  #attend(cli) {
    const { progress, request, folder, socket } = this.#parts;
    this.#attempt = new Attempt({
      cli,
      id: folder.id,
      request,
      conversation: this.#conversation,
      remainingMs:
        request.timeoutSeconds === null ? Infinity : Math.max(request.timeoutSeconds * 1000 - progress.spentMs, 0),
      stderr: this.#stderr,
      onLines: (lines) => {
        this.#log.append(lines);
        socket.notify();
        this.#subscriber?.notify();
        for (const line of lines) this.#runLog.observe(parseEvent(line));
      },
      onStop: (cause) => progress.stop(cause),
    });
  }

  /** @param {Attempt} attempt */
  async #run(attempt) {
    const prompted = this.#takeSnapshot().then(() => attempt.prompt());
    const exit = await attempt.end();
    await prompted;
    // A run that ends with its container has no outcome yet, whatever the CLI's exit looks like.
    if (this.#isShuttingDown) await new Promise(() => undefined);
    if (!this.#parts.progress.stopped && (exit.signal === 'SIGTERM' || exit.code === 143)) await sleep(SHUTDOWN_MS);
    return exit;
  }

  /** Records the repository before the agent gets its prompt, after the request has been flushed to the disk. */
  async #takeSnapshot() {
    const { folder, progress } = this.#parts;
    folder.flush('request.json');
    if (progress.treeBefore !== undefined) return;
    const repository = await this.#openRepository();
    progress.setTreeBefore(await repository.tree());
  }

  /** The module is loaded while the CLI starts, since callers wait for that start. */
  async #openRepository() {
    const { Repository } = await import('./repository.mjs');
    return new Repository(this.#parts.folder, this.#parts.request.cwd);
  }

  /** @param {import('./runner-socket.mjs').Command} command @returns {import('./runner-socket.mjs').Reply} */
  #reply({ command, requestId, answer }) {
    if (command === 'cancel') return { state: this.#cancel() };
    if (command === 'answer' && requestId !== undefined && answer !== undefined)
      return { state: this.#attempt?.answer(requestId, answer) ?? 'ended' };
    return { state: 'running' };
  }

  /** A run that has a result keeps it. */
  #cancel() {
    if (this.#parts.progress.stopped === 'cancelled') return 'cancelling';
    if (this.#isConcluding || !this.#attempt) return 'ended';
    if (this.#conversation.isFinished) {
      this.#attempt.stop('grace');
      return 'ended';
    }
    this.#attempt.stop('cancelled');
    return 'cancelling';
  }

  /** The container stops: the run gets no outcome, so that it is resumed. */
  async #shutDown() {
    this.#isShuttingDown = true;
    this.#attempt?.interrupt();
    await Promise.race([this.#attempt?.ended, sleep(SHUTDOWN_MS / 4)]);
    process.exit();
  }

  async #conclude() {
    this.#isConcluding = true;
    const { folder, progress, socket } = this.#parts;
    const { sessionId, result, costUsd, turns, usage } = this.#conversation;
    const { code, signal } = this.#exit;
    const repository = await this.#openRepository();
    const { verdict } = await import('./outcome.mjs');
    const changes = await repository.changesSince(progress.treeBefore ?? null);
    this.#stderr.save();
    const end = verdict({ stopped: progress.stopped, result, exit: this.#exit, stderrTail: this.#stderr.lastLine() });
    folder.write('outcome.json', {
      ...end,
      sessionId,
      result: result?.['result'] || null,
      costUsd,
      turns,
      usage,
      startedAt: progress.startedAt,
      finishedAt: new Date().toISOString(),
      events: this.#log.count,
      resumes: Math.max(progress.attempts - 1, 0),
      exitCode: code,
      signal,
      ...changes,
    });
    folder.flush('outcome.json');
    this.#runLog.ended(end);
    repository.removeCopies();
    socket.release();
  }
}
