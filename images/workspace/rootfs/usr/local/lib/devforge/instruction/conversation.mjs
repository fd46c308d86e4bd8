/**
 * An event of the CLI. Its fields are those of Claude Code's `stream-json` output, which may lack any of them.
 *
 * @typedef {Record<string, any> & { type?: string }} CliEvent
 */

/** The state of a run as its events describe it: what is pending, what it has cost, how it ended. */
export class Conversation {
  /** @type {string | null} */
  sessionId = null;
  /** Whether the last turn has a result and no event has followed it. */
  isFinished = false;
  /** The last `result` event. @type {CliEvent | null} */
  result = null;
  turns = 0;
  costUsd = 0;
  usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  /** Ids of tool calls without a result. @type {Set<string>} */
  tools = new Set();
  /** Pending permission requests by their id. @type {Map<string, Record<string, any>>} */
  permissions = new Map();
  /** How many times in a row the API rejected the credential. */
  authFailures = 0;

  /** Resets what belongs to one run of the CLI; session, cost, turns and usage are kept. */
  beginAttempt() {
    Object.assign(this, { isFinished: false, result: null, authFailures: 0 });
    this.tools.clear();
    this.permissions.clear();
  }

  /** @param {CliEvent | null} event */
  observe(event) {
    switch (event?.type) {
      case 'system':
        return this.#onSystem(event);
      case 'assistant':
        return this.#onMessage(event, (block) => block.type === 'tool_use' && this.tools.add(block.id));
      case 'user':
        return this.#onMessage(event, (block) => block.type === 'tool_result' && this.tools.delete(block.tool_use_id));
      case 'control_request':
        if (event.request?.subtype === 'can_use_tool') this.permissions.set(event.request_id, event.request);
        return;
      case 'control_cancel_request':
        return void this.permissions.delete(event.request_id);
      case 'result':
        return this.#onResult(event);
      default:
    }
  }

  /** @param {CliEvent} event */
  #onSystem({ subtype, session_id, error }) {
    if (subtype === 'api_retry') this.authFailures = error === 'authentication_failed' ? this.authFailures + 1 : 0;
    if (subtype !== 'init') return;
    this.sessionId = session_id ?? this.sessionId;
    this.isFinished = false;
  }

  /** @param {CliEvent} event @param {(block: Record<string, any>) => unknown} onBlock */
  #onMessage({ message }, onBlock) {
    this.isFinished = false;
    this.authFailures = 0;
    for (const block of Array.isArray(message?.content) ? message.content : []) onBlock(block);
  }

  /** @param {CliEvent} event */
  #onResult(event) {
    this.isFinished = true;
    this.result = event;
    this.sessionId = event['session_id'] ?? this.sessionId;
    this.tools.clear();
    this.permissions.clear();
    this.turns += toNumber(event['num_turns']);
    this.costUsd += costOf(event);
    for (const name of /** @type {(keyof Conversation['usage'])[]} */ (Object.keys(this.usage)))
      this.usage[name] += toNumber(event['usage']?.[name]);
  }
}

/**
 * `total_cost_usd` of a resumed session includes the cost of earlier runs; the new part is given per model.
 * @param {CliEvent} event
 */
function costOf({ model_usage_since_last_result: models, total_cost_usd: total }) {
  if (!models) return toNumber(total);
  return Object.values(models).reduce((sum, { costUSD }) => sum + toNumber(costUSD), 0);
}

/** @param {unknown} value */
const toNumber = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
