import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Grows when DevForge needs something that an older gateway does not have. */
export const VERSION = 4;
const MAX_BACKLOG = 16 * 1024 * 1024;

/** @typedef {import('./registry.mjs').Registry} Registry */

/**
 * How DevForge controls the gateway: a JSON object on each line, a request `{ id, method, params }` or its answer
 * `{ id, result }` or `{ id, error }`; to those who watch `{ denial }`, `{ spend }` with the id of a workspace that has
 * spent something, and `{ modelProblem }` with what keeps the model's API from answering a workspace, or no longer does.
 */
export class Control {
  /** @type {Set<import('node:net').Socket>} */
  #watchers = new Set();

  /** @param {Registry} registry */
  constructor(registry) {
    this.registry = registry;
    this.server = createServer((socket) => this.#serve(socket));
  }

  /**
   * @param {string} path
   * @returns {Promise<void>}
   */
  listen(path) {
    rmSync(path, { force: true });
    return new Promise((accept, reject) => this.server.once('error', reject).listen(path, accept));
  }

  /**
   * @param {string} id
   * @param {import('./denials.mjs').Denial} denial
   */
  publish(id, denial) {
    for (const socket of this.#watchers) this.#send(socket, { denial: { id, ...denial } });
  }

  /** @param {string} id */
  publishSpend(id) {
    for (const socket of this.#watchers) this.#send(socket, { spend: id });
  }

  /**
   * @param {string} id
   * @param {import('./model-problem.mjs').Problem | null} problem
   */
  publishModelProblem(id, problem) {
    for (const socket of this.#watchers) this.#send(socket, { modelProblem: { id, problem } });
  }

  /** @param {import('node:net').Socket} socket */
  #serve(socket) {
    socket.on('error', () => socket.destroy()).on('close', () => this.#watchers.delete(socket));
    this.#send(socket, { gateway: 'devforge-gateway', version: VERSION });
    const lines = createInterface({ input: socket });
    // The interface repeats the errors of its input.
    lines.on('error', () => socket.destroy()).on('line', (line) => void this.#answer(socket, line));
  }

  /**
   * @param {import('node:net').Socket} socket
   * @param {string} line
   */
  async #answer(socket, line) {
    let id = null;
    try {
      const request = JSON.parse(line);
      id = request.id;
      this.#send(socket, { id, result: await this.#call(socket, request.method, request.params ?? {}) });
    } catch (error) {
      this.#send(socket, { id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  /**
   * @param {import('node:net').Socket} socket
   * @param {string} method
   * @param {any} params
   * @returns {Promise<unknown>}
   */
  async #call(socket, method, params) {
    switch (method) {
      case 'open':
        await this.registry.open(params.id);
        return null;
      case 'setEgress':
        (await this.registry.open(params.id)).setEgress(params.egress);
        return null;
      case 'setSecrets':
        (await this.registry.open(params.id)).setSecrets(params.secrets);
        return null;
      case 'setSpending':
        (await this.registry.open(params.id)).spending.setRules(params.rules);
        return null;
      case 'spend':
        return this.registry.spending.entries(params.id, params);
      case 'remove':
        this.registry.remove(params.id);
        return null;
      case 'list':
        return this.registry.ids();
      case 'watchDenials':
        for (const denial of this.registry.denials(params.after)) this.#send(socket, { denial });
        for (const id of this.registry.spending.unstored()) this.#send(socket, { spend: id });
        for (const modelProblem of this.registry.modelProblems()) this.#send(socket, { modelProblem });
        this.#watchers.add(socket);
        return null;
      default:
        throw new Error(`no method ${method}`);
    }
  }

  /**
   * @param {import('node:net').Socket} socket
   * @param {object} message
   */
  #send(socket, message) {
    if (socket.destroyed) return;
    socket.write(`${JSON.stringify(message)}\n`);
    // A server that does not read connects again, and gets the rest then.
    if (socket.writableLength > MAX_BACKLOG) socket.destroy();
  }
}
