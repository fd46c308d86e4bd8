/** What an event says to a person. The runner in the workspace images has the same in `instruction/steps.mjs`. */
export interface Step {
  /** Who or what: `claude`, the name of a tool, `result`, `error`, `permission`, `session`, `retry`, `end`. */
  title: string;
  text: string;
}

type Fields = Record<string, unknown>;

/** Fields of a tool's input that describe the call, the most specific first. */
const DESCRIPTIVE_FIELDS = [
  'command',
  'file_path',
  'url',
  'question',
  'description',
  'pattern',
  'query',
  'prompt',
  'plan',
];

/** The steps that an event shows, none for most kinds. Held to test/support/instructions/steps.json. */
export function stepsOf(event: unknown): Step[] {
  const fields = toFields(event);
  const steps = stepsByType(fields);
  if ((fields['parent_tool_use_id'] ?? null) === null) return steps;
  return steps.map(({ title, text }) => ({ title: `subagent ${title}`, text }));
}

function stepsByType(event: Fields): Step[] {
  const { message, request } = event;
  switch (event['type']) {
    case 'system':
      return systemSteps(event);
    case 'assistant':
      return blocksOf(message).flatMap(assistantSteps);
    case 'user':
      return blocksOf(message).flatMap(userSteps);
    case 'control_request': {
      const { subtype, tool_name: tool, input } = toFields(request);
      return subtype === 'can_use_tool' ? [{ title: 'permission', text: `${toText(tool)}: ${describe(input)}` }] : [];
    }
    case 'control_cancel_request':
      return [{ title: 'permission', text: 'withdrawn' }];
    case 'result':
      return [{ title: 'end', text: describeResult(event) }];
    case 'devforge':
      return [{ title: 'devforge', text: toText(event['subtype']) }];
    default:
      return [];
  }
}

function systemSteps({ subtype, session_id: session, model, error }: Fields): Step[] {
  if (subtype === 'init') return [{ title: 'session', text: `${toText(session)}, ${toText(model)}` }];
  if (subtype === 'api_retry') return [{ title: 'retry', text: toText(error) || 'the API did not answer' }];
  return [];
}

function assistantSteps(block: Fields): Step[] {
  const { type, text, thinking, name, input } = block;
  if (type === 'text') return [{ title: 'claude', text: toText(text) }];
  if (type === 'thinking' && toText(thinking) !== '') return [{ title: 'thinking', text: toText(thinking) }];
  return type === 'tool_use' ? [{ title: toText(name), text: describe(input) }] : [];
}

function userSteps({ type, content, is_error: isError, text }: Fields): Step[] {
  if (type === 'text') return [{ title: 'user', text: toText(text) }];
  if (type !== 'tool_result') return [];
  const parts = typeof content === 'string' ? [content] : blocks(content).map((part) => toText(part['text']));
  return [{ title: isError === true ? 'error' : 'result', text: parts.filter((part) => part !== '').join('\n') }];
}

/** What a call of a tool is about. */
function describe(input: unknown): string {
  const fields = toFields(input);
  const described = { ...fields, ...blocks(fields['questions'])[0] } as Fields;
  const found = DESCRIPTIVE_FIELDS.map((name) => described[name]).find((value) => typeof value === 'string');
  return found === undefined ? JSON.stringify(input ?? {}) : toText(found);
}

function describeResult({
  subtype,
  is_error: isError,
  result,
  num_turns: turns,
  total_cost_usd: cost,
  duration_ms: duration,
}: Fields): string {
  return [
    isError === true && subtype === 'success' ? describeFailure(result) : toText(subtype),
    typeof turns === 'number' ? `${turns} ${turns === 1 ? 'turn' : 'turns'}` : '',
    typeof cost === 'number' ? `$${cost.toFixed(4)}` : '',
    typeof duration === 'number' ? `${(duration / 1_000).toFixed(1)} s` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** Claude Code gives the subtype `success` to a turn that ended with an error of the API, and the error as its result. */
function describeFailure(result: unknown): string {
  const [line = ''] = toText(result).split('\n', 1);
  return line === '' ? 'failed' : `failed: ${line}`;
}

function blocksOf(message: unknown): Fields[] {
  const { content } = toFields(message);
  return typeof content === 'string' ? [{ type: 'text', text: content }] : blocks(content);
}

function blocks(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(toFields) : [];
}

function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
