/** Tokens as Claude Code counts them. */
export interface TokenUsage {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
}

/** US dollars for a million tokens. */
interface Price {
  input: number;
  output: number;
}

const TOKENS = 1_000_000;
/** Of the price of input. */
const CACHE_WRITE = 1.25;
const CACHE_READ = 0.1;

/** List prices of Anthropic's API by family, the most specific first. They serve the estimate of a running instruction alone. */
const PRICES: readonly [RegExp, Price][] = [
  [/opus-(?:4-[5-9]|[5-9])/, { input: 5, output: 25 }],
  [/opus/, { input: 15, output: 75 }],
  [/sonnet/, { input: 3, output: 15 }],
  [/haiku-(?:[4-9])/, { input: 1, output: 5 }],
  [/haiku/, { input: 0.8, output: 4 }],
];

/** What the tokens cost at list prices, in US dollars; null for a model whose price is not known. */
export function estimateUsd(model: string, usage: TokenUsage): number | null {
  const price = PRICES.find(([family]) => family.test(model))?.[1];
  if (price === undefined) return null;
  const input =
    usage.input_tokens + CACHE_WRITE * usage.cache_creation_input_tokens + CACHE_READ * usage.cache_read_input_tokens;
  return (input * price.input + usage.output_tokens * price.output) / TOKENS;
}
