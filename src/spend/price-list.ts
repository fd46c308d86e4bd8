/** US dollars for a million tokens, with three decimals at most. */
export interface PriceRates {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
}

/** The format of the file that the operator may give. */
export interface PriceList {
  /** When the prices were looked up. */
  date: string;
  /** US dollars for a thousand web searches. */
  webSearches: number;
  models: (PriceRates & { model: string; longPrompt?: PriceRates & { above: number }; fast?: PriceRates })[];
  /** What a model costs that is not in the list; the dearest of every rate by default. */
  unknown?: PriceRates;
}
