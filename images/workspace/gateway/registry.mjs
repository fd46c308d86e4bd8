import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Spending } from './spend/spending.mjs';
import { Workspace } from './workspace.mjs';

const ID = /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/;

/** The workspaces of the gateway. What it must know of them after a restart is in `state`, what they see in `workspaces`. */
export class Registry {
  /** @type {Map<string, Promise<Workspace>>} */
  #open = new Map();
  /** @type {Map<string, Workspace>} */
  #listening = new Map();

  /**
   * @param {string} folder
   * @param {(socket: import('node:net').Socket, workspace: Workspace) => void} onConnection
   * @param {(id: string, denial: import('./denials.mjs').Denial) => void} onDenial
   * @param {(id: string) => void} onSpend
   * @param {(id: string, problem: import('./model-problem.mjs').Problem | null) => void} onModelProblem
   */
  constructor(folder, onConnection, onDenial, onSpend, onModelProblem) {
    this.onConnection = onConnection;
    this.onDenial = onDenial;
    this.onModelProblem = onModelProblem;
    this.state = join(folder, 'state');
    this.workspaces = join(folder, 'workspaces');
    mkdirSync(this.state, { recursive: true, mode: 0o700 });
    mkdirSync(this.workspaces, { recursive: true, mode: 0o755 });
    this.spending = new Spending(this.state, onSpend);
  }

  /** Those of an earlier run. */
  async restore() {
    for (const file of readdirSync(this.state)) {
      const [, id] = /^(.+)\.json$/.exec(file) ?? [];
      if (id === undefined) continue;
      await this.open(id).catch((error) => console.error(`workspace ${id}:`, error));
    }
  }

  /**
   * @param {string} id
   * @returns {Promise<Workspace>} which reaches nothing until it has a policy
   */
  open(id) {
    if (!ID.test(id)) return Promise.reject(new Error('not an id'));
    let opening = this.#open.get(id);
    if (opening === undefined) {
      opening = this.#start(id);
      this.#open.set(id, opening);
      opening.catch(() => this.#open.delete(id));
    }
    return opening;
  }

  /** @param {string} id */
  remove(id) {
    this.#listening.get(id)?.remove();
    this.spending.remove(id);
    this.#listening.delete(id);
    this.#open.delete(id);
  }

  ids() {
    return [...this.#listening.keys()];
  }

  /** @param {Record<string, number>} after */
  denials(after) {
    return [...this.#listening.values()].flatMap(({ id, denials }) =>
      denials.after(after[id] ?? 0).map((denial) => ({ id, ...denial })),
    );
  }

  /** Of the workspaces that have one. */
  modelProblems() {
    return [...this.#listening.values()].flatMap(({ id, modelProblem: { current } }) =>
      current === null ? [] : [{ id, problem: current }],
    );
  }

  /** @param {string} id */
  async #start(id) {
    const paths = {
      folder: join(this.workspaces, id),
      stateFile: join(this.state, `${id}.json`),
      denialsFile: join(this.state, `${id}.denials`),
    };
    const spending = this.spending.of(id);
    const workspace = new Workspace(
      id,
      paths,
      spending,
      this.onConnection,
      (denial) => this.onDenial(id, denial),
      (problem) => this.onModelProblem(id, problem),
    );
    await workspace.listen();
    this.#listening.set(id, workspace);
    return workspace;
  }
}
