import type { Rate } from '../../common/concurrency/token-bucket.js';

/** How fast one connection may send. */
export const REQUEST_RATE: Rate = { burst: 200, perSecond: 50 };
/** Terminal input is cheap to handle and arrives in many messages. A message costs one for each 16 Ki characters. */
export const TERMINAL_INPUT_RATE: Rate = { burst: 1_000, perSecond: 300 };
