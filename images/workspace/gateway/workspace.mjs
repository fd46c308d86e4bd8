import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Denials, readIfThere } from './denials.mjs';
import { gitConfig } from './git-config.mjs';
import { ModelProblem } from './model-problem.mjs';
import { NOTHING, Policy } from './policy.mjs';

/** Connections, and tunnels among them once more. */
const MAX_CONNECTIONS = 1_024;

/**
 * @typedef {import('node:net').Socket} Socket
 * @typedef {import('./policy.mjs').Egress} Egress
 * @typedef {{ host: string, username: string, token: string }} GitSecret
 * @typedef {{ host: string, header: string, value: string }} HttpSecret
 * @typedef {{ baseUrl: string, header: string, value: string }} ModelApi
 * @typedef {{ modelApi: ModelApi | null, git: GitSecret[], http: HttpSecret[] }} Secrets
 * @typedef {{ isAllowed(): boolean, end(): void }} Tunnel
 * @typedef {{ egress: Egress, expectsSecrets: boolean, gitHosts: string[] }} State
 */

/** @type {Secrets} */
const NO_SECRETS = { modelApi: null, git: [], http: [] };

/** One workspace: its socket, its policy and its secrets. The folder is what it can see of the gateway. */
export class Workspace {
  /** @type {Secrets} */
  secrets = NO_SECRETS;
  policy = new Policy(NOTHING);
  #expectsSecrets = false;
  #hasSecrets = false;
  /** Those with a token, which git is to reach through the gateway. @type {string[]} */
  #gitHosts = [];
  /** @type {Set<() => void>} */
  #onSecrets = new Set();
  /** @type {Set<Tunnel>} */
  #tunnels = new Set();
  /** @type {Set<Socket>} */
  #sockets = new Set();
  #server;

  /**
   * @param {string} id
   * @param {{ folder: string, stateFile: string, denialsFile: string }} paths
   * @param {import('./spend/spending.mjs').WorkspaceSpending} spending
   * @param {(socket: Socket, workspace: Workspace) => void} onConnection
   * @param {(denial: import('./denials.mjs').Denial) => void} onDenial
   * @param {(problem: import('./model-problem.mjs').Problem | null) => void} onModelProblem
   */
  constructor(id, paths, spending, onConnection, onDenial, onModelProblem) {
    this.id = id;
    this.paths = paths;
    this.spending = spending;
    this.denials = new Denials(paths.denialsFile, onDenial);
    this.modelProblem = new ModelProblem(onModelProblem);
    const saved = readIfThere(paths.stateFile);
    if (saved !== '') {
      /** @type {State} */
      const { egress, expectsSecrets, gitHosts } = JSON.parse(saved);
      this.policy = new Policy(egress);
      this.#expectsSecrets = expectsSecrets;
      this.#gitHosts = gitHosts;
    }
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket, onConnection));
  }

  /** @returns {Promise<void>} */
  async listen() {
    const { folder } = this.paths;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const path = join(folder, 'gateway.sock');
    rmSync(path, { force: true });
    this.#save();
    await new Promise((accept, reject) => this.#server.once('error', reject).listen(path, () => accept(undefined)));
    // The user of the workspace is another one.
    chmodSync(path, 0o666);
  }

  /** @param {Egress} egress */
  setEgress(egress) {
    this.policy = new Policy(egress);
    this.#save();
    for (const tunnel of this.#tunnels) if (!tunnel.isAllowed()) tunnel.end();
  }

  /** @param {Secrets} secrets */
  setSecrets(secrets) {
    this.secrets = secrets;
    this.#hasSecrets = true;
    this.#expectsSecrets = secrets.modelApi !== null || secrets.git.length > 0 || secrets.http.length > 0;
    this.#gitHosts = secrets.git.map(({ host }) => host);
    this.#save();
    for (const arrived of this.#onSecrets) arrived();
  }

  /**
   * The secrets, which a gateway that has just started does not have yet.
   * @param {number} timeoutMs
   * @returns {Promise<Secrets | undefined>} undefined when they did not come
   */
  currentSecrets(timeoutMs) {
    if (this.#hasSecrets || !this.#expectsSecrets) return Promise.resolve(this.secrets);
    return new Promise((accept) => {
      const end = () => {
        clearTimeout(timer);
        this.#onSecrets.delete(end);
        accept(this.#hasSecrets ? this.secrets : undefined);
      };
      const timer = setTimeout(end, timeoutMs);
      this.#onSecrets.add(end);
    });
  }

  /**
   * @param {Tunnel} tunnel ended when the policy does not allow it any more, and with the workspace
   * @returns {() => void} to be called when it has ended
   */
  enter(tunnel) {
    this.#tunnels.add(tunnel);
    return () => this.#tunnels.delete(tunnel);
  }

  /** @param {import('./dial.mjs').Refused} refused */
  deny({ reason, host, port }) {
    this.denials.add(reason, host, port);
  }

  /** Removes everything of it. */
  remove() {
    this.#server.close();
    this.modelProblem.clear();
    for (const tunnel of this.#tunnels) tunnel.end();
    for (const socket of this.#sockets) socket.destroy();
    const { folder, stateFile, denialsFile } = this.paths;
    for (const path of [folder, stateFile, denialsFile]) rmSync(path, { recursive: true, force: true });
  }

  /**
   * @param {Socket} socket
   * @param {(socket: Socket, workspace: Workspace) => void} onConnection
   */
  #accept(socket, onConnection) {
    if (this.#sockets.size + this.#tunnels.size > MAX_CONNECTIONS) return void socket.destroy();
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
    onConnection(socket, this);
  }

  #save() {
    const { egress } = this.policy;
    const { folder, stateFile } = this.paths;
    const state = { egress, expectsSecrets: this.#expectsSecrets, gitHosts: this.#gitHosts };
    replaceFile(stateFile, JSON.stringify(state), 0o600);
    replaceFile(join(folder, 'gitconfig'), gitConfig(egress.mode, this.#gitHosts), 0o644);
    if (egress.mode === 'open') rmSync(join(folder, 'fenced'), { force: true });
    else replaceFile(join(folder, 'fenced'), `${egress.mode}\n`, 0o644);
  }
}

/**
 * @param {string} path
 * @param {string} content
 * @param {number} mode
 */
function replaceFile(path, content, mode) {
  writeFileSync(`${path}.new`, content, { mode });
  renameSync(`${path}.new`, path);
}
