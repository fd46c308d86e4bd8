/** As much as the API takes in a request. */
const MAX_OF_WORKSPACE = 32 * 1024 * 1024;
/** The gateway may use 256 MiB, and a body takes twice its size for a moment. */
const MAX_OF_ALL = 64 * 1024 * 1024;

/** There is no room for a body. */
export class NoRoom extends Error {
  /** @param {boolean} isTemporary whether there may be room later */
  constructor(isTemporary) {
    super('no room for the body of a request');
    this.isTemporary = isTemporary;
  }
}

/** How many bytes of requests are in memory, while they wait for their budgets: of each workspace, and of all together. */
export class BodyRoom {
  #all = 0;
  /** @type {Map<string, number>} */
  #taken = new Map();

  /**
   * @param {string} workspace
   * @param {number} bytes
   * @param {number} before of the same request
   * @throws {NoRoom}
   */
  take(workspace, bytes, before) {
    const own = this.#taken.get(workspace) ?? 0;
    if (own + bytes > MAX_OF_WORKSPACE || this.#all + bytes > MAX_OF_ALL)
      throw new NoRoom(before + bytes <= MAX_OF_WORKSPACE);
    this.#taken.set(workspace, own + bytes);
    this.#all += bytes;
  }

  /**
   * @param {string} workspace
   * @param {number} bytes
   */
  release(workspace, bytes) {
    const left = (this.#taken.get(workspace) ?? 0) - bytes;
    if (left > 0) this.#taken.set(workspace, left);
    else this.#taken.delete(workspace);
    this.#all -= bytes;
  }
}
