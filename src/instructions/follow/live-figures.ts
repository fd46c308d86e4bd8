import type { MessageFigures, ResultFigures } from './event-figures.js';
import type { ModelPriceTable, TokenUsage } from '../../spend/model-price-table.js';

/** What an instruction has used so far. */
export interface InstructionFigures {
  turns: number;
  usage: TokenUsage;
  /** US dollars; null when the price of a model is not known. */
  costUsd: number | null;
  /** Whether a part of the cost is computed from list prices, since Claude Code has not reported it yet. */
  costEstimated: boolean;
}

const NOTHING: TokenUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};
/** Characters of one token, roughly. Claude Code prints a message before it knows how long the whole answer becomes. */
const CHARACTERS_A_TOKEN = 4;
/** Messages that are kept apart, because further parts of them may come; more than run at a time in any session. */
const MAX_OPEN_MESSAGES = 200;

interface Totals {
  turns: number;
  usage: TokenUsage;
  costUsd: number | null;
}

/** Adds up turns, tokens and cost of a run from its events, as they come. */
export class LiveFigures {
  /** As the results of Claude Code report them. */
  private reported: Totals = { turns: 0, usage: NOTHING, costUsd: 0 };
  /** Of messages since the last result, of which no further parts are expected. */
  private estimated: Totals = { turns: 0, usage: NOTHING, costUsd: 0 };
  private readonly messages = new Map<string, MessageFigures>();
  private hasMessages = false;
  private isEmpty = true;

  constructor(private readonly prices: Pick<ModelPriceTable, 'estimateUsd'>) {}

  /** @returns whether the figures have changed */
  observe({ message, result }: { message?: MessageFigures; result?: ResultFigures }): boolean {
    if (message !== undefined) this.add(message);
    if (result !== undefined) this.conclude(result);
    return message !== undefined || result !== undefined;
  }

  /** undefined while nothing was used. */
  get current(): InstructionFigures | undefined {
    if (this.isEmpty) return undefined;
    const { turns, usage, costUsd } = [
      this.reported,
      this.estimated,
      ...[...this.messages.values()].map((message) => this.toTotals(message)),
    ].reduce(sum);
    return { turns, usage, costUsd, costEstimated: this.hasMessages && costUsd !== null };
  }

  /** As {@link current}, when the run ended without a result for its last messages; what Claude Code reports is better. */
  get unreported(): InstructionFigures | undefined {
    return this.hasMessages ? this.current : undefined;
  }

  /** The parts of a message come one by one, each with the usage of the whole as far as it is known. */
  private add(message: MessageFigures): void {
    const known = this.messages.get(message.id);
    this.messages.set(message.id, {
      ...message,
      usage: known === undefined ? message.usage : larger(known.usage, message.usage),
      characters: (known?.characters ?? 0) + message.characters,
    });
    this.isEmpty = false;
    this.hasMessages = true;
    if (this.messages.size <= MAX_OPEN_MESSAGES) return;
    const [[id, oldest]] = this.messages as unknown as [[string, MessageFigures]];
    this.messages.delete(id);
    this.estimated = sum(this.estimated, this.toTotals(oldest));
  }

  private conclude({ turns, usage, costUsd }: ResultFigures): void {
    this.reported = sum(this.reported, { turns, usage, costUsd });
    this.estimated = { turns: 0, usage: NOTHING, costUsd: 0 };
    this.messages.clear();
    this.isEmpty = false;
    this.hasMessages = false;
  }

  private toTotals({ model, isTurn, usage, characters }: MessageFigures): Totals {
    const output = Math.max(usage.output_tokens, Math.ceil(characters / CHARACTERS_A_TOKEN));
    const costUsd = this.prices.estimateUsd(model, { ...usage, output_tokens: output });
    return { turns: isTurn ? 1 : 0, usage, costUsd };
  }
}

function sum(one: Totals, other: Totals): Totals {
  return {
    turns: one.turns + other.turns,
    usage: combine(one.usage, other.usage, (a, b) => a + b),
    costUsd: one.costUsd === null || other.costUsd === null ? null : one.costUsd + other.costUsd,
  };
}

function larger(one: TokenUsage, other: TokenUsage): TokenUsage {
  return combine(one, other, Math.max);
}

function combine(one: TokenUsage, other: TokenUsage, how: (a: number, b: number) => number): TokenUsage {
  return {
    input_tokens: how(one.input_tokens, other.input_tokens),
    output_tokens: how(one.output_tokens, other.output_tokens),
    cache_creation_input_tokens: how(one.cache_creation_input_tokens, other.cache_creation_input_tokens),
    cache_read_input_tokens: how(one.cache_read_input_tokens, other.cache_read_input_tokens),
  };
}
