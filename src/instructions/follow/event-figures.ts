import type { TokenUsage } from '../../spend/model-price-table.js';

/** A part of a message of the model. */
export interface MessageFigures {
  id: string;
  model: string;
  /** False for a message of a subagent. */
  isTurn: boolean;
  usage: TokenUsage;
  /** Length of this part. */
  characters: number;
}

/** What Claude Code reports at the end of a turn, since the last one. */
export interface ResultFigures {
  turns: number;
  usage: TokenUsage;
  costUsd: number;
}

/** Above what any run uses; a workspace may print anything. */
const MAX_COUNT = 1e12;
const MAX_ID_LENGTH = 200;

type Fields = Record<string, unknown>;

/** Reads the figures of an `assistant` or a `result` event, as far as they are there. */
export function readFigures(event: object): { message?: MessageFigures; result?: ResultFigures } {
  const fields = event as Fields;
  if (fields['type'] === 'assistant') return { message: readMessage(fields) };
  if (fields['type'] === 'result') return { result: readResult(fields) };
  return {};
}

function readMessage({ message, parent_tool_use_id: parent }: Fields): MessageFigures | undefined {
  const { id, model, usage, content } = toFields(message);
  if (typeof id !== 'string' || id.length > MAX_ID_LENGTH) return undefined;
  return {
    id,
    model: typeof model === 'string' ? model.slice(0, MAX_ID_LENGTH) : '',
    isTurn: (parent ?? null) === null,
    usage: readUsage(usage),
    characters: Array.isArray(content) ? content.reduce<number>((sum, block) => sum + lengthOf(block), 0) : 0,
  };
}

function lengthOf(block: unknown): number {
  const { text, thinking, input } = toFields(block);
  if (typeof text === 'string') return text.length;
  if (typeof thinking === 'string') return thinking.length;
  return input === undefined ? 0 : JSON.stringify(input).length;
}

/** `total_cost_usd` of a resumed session includes the cost of earlier runs; the new part is given per model. */
function readResult(fields: Fields): ResultFigures {
  const models = fields['model_usage_since_last_result'];
  const costs = typeof models === 'object' && models !== null ? Object.values(models) : undefined;
  return {
    turns: toCount(fields['num_turns']),
    usage: readUsage(fields['usage']),
    costUsd:
      costs === undefined
        ? toCount(fields['total_cost_usd'])
        : costs.reduce<number>((sum, each) => sum + toCount(toFields(each)['costUSD']), 0),
  };
}

function readUsage(value: unknown): TokenUsage {
  const usage = toFields(value);
  return {
    input_tokens: toCount(usage['input_tokens']),
    output_tokens: toCount(usage['output_tokens']),
    cache_creation_input_tokens: toCount(usage['cache_creation_input_tokens']),
    cache_read_input_tokens: toCount(usage['cache_read_input_tokens']),
  };
}

function toFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function toCount(value: unknown): number {
  return typeof value === 'number' && value > 0 && value <= MAX_COUNT ? value : 0;
}
