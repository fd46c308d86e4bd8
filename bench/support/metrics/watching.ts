/** What the bench and the process of its clients say to one another. */

export type WatchingRequest =
  | { ask: 'connect'; url: string; token: string; sockets: number }
  /** Each socket subscribes to `each` containers, so that all are watched by as many; more later include those of before. */
  | { ask: 'subscribe'; containerIds: string[]; each: number; intervalMs: number }
  | { ask: 'measure'; ms: number };

export type WatchingAnswer =
  { answer: 'done' } | { answer: 'measured'; measured: Measured } | { answer: 'failed'; message: string };

/** What the clients saw in one window. */
export interface Measured {
  updates: number;
  /** From the tick, and from the moment of reading, until the update was here: ms, by share of the updates. */
  fromTick: Lateness;
  fromReading: Lateness;
  /** Distinct samples that arrived, of all containers. */
  samples: number;
  /** Errors that were pushed, and connections that were lost. */
  failures: number;
  /** How busy the clients themselves were: percent of a core, and how late their event loop was at worst, in ms. */
  clientPercent: number;
  clientDelayMs: number;
}

export interface Lateness {
  median: number;
  p99: number;
  max: number;
  /** Percent of the updates. */
  within250: number;
}
