/** What the CLI's events say about the run: whose turn it is, what is asked, how it went. */
export class Conversation {
  sessionId = null;
  /** The last turn has its result, and nothing has been said since. */
  over = false;
  result = null;
  turns = 0;
  costUsd = 0;
  usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  /** Calls of tools without a result yet, by their id. */
  tools = new Set();
  /** Permissions that are asked for: request id → request. */
  permissions = new Map();
  /** How often in a row the API refused the credential. */
  refusals = 0;

  /** Forgets what belongs to one run of the CLI; session, cost, turns and usage go on. */
  beginAttempt() {
    Object.assign(this, { over: false, result: null, refusals: 0 });
    this.tools.clear();
    this.permissions.clear();
  }

  observe(event) {
    switch (event?.type) {
      case 'system':
        return this.#system(event);
      case 'assistant':
        return this.#said(event, (block) => block.type === 'tool_use' && this.tools.add(block.id));
      case 'user':
        return this.#said(event, (block) => block.type === 'tool_result' && this.tools.delete(block.tool_use_id));
      case 'control_request':
        if (event.request?.subtype === 'can_use_tool') this.permissions.set(event.request_id, event.request);
        return;
      case 'control_cancel_request':
        return void this.permissions.delete(event.request_id);
      case 'result':
        return this.#ended(event);
      default:
    }
  }

  #system({ subtype, session_id, error }) {
    if (subtype === 'api_retry') this.refusals = error === 'authentication_failed' ? this.refusals + 1 : 0;
    if (subtype !== 'init') return;
    this.sessionId = session_id ?? this.sessionId;
    this.over = false;
  }

  #said({ message }, each) {
    this.over = false;
    this.refusals = 0;
    for (const block of Array.isArray(message?.content) ? message.content : []) each(block);
  }

  #ended(event) {
    this.over = true;
    this.result = event;
    this.sessionId = event.session_id ?? this.sessionId;
    this.tools.clear();
    this.permissions.clear();
    this.turns += number(event.num_turns);
    this.costUsd += cost(event);
    for (const name of Object.keys(this.usage)) this.usage[name] += number(event.usage?.[name]);
  }
}

/** `total_cost_usd` counts a resumed session from its first day; what is new is told by model. */
function cost({ model_usage_since_last_result: models, total_cost_usd: total }) {
  if (!models) return number(total);
  return Object.values(models).reduce((sum, { costUSD }) => sum + number(costUSD), 0);
}

const number = (value) => (Number.isFinite(value) ? value : 0);
