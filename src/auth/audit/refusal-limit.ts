import { type Rate, TokenBucket } from '../../common/concurrency/token-bucket.js';

/** What one caller may have recorded, by its id. */
const ONE: Rate = { burst: 30, perSecond: 1 / 60 };
/** What all callers may that are not known. */
const STRANGERS: Rate = { burst: 100, perSecond: 1 / 20 };
/** What everybody may: less than 20,000 events a day. */
const ALL: Rate = { burst: 500, perSecond: 1 / 5 };
const MAX_CALLERS = 1_000;

/** Limits how many refusals are recorded, in one process. */
export class RefusalLimit {
  private readonly all: TokenBucket;
  private readonly strangers: TokenBucket;
  private readonly callers = new Map<string, TokenBucket>();

  /** @param now the current time in milliseconds */
  constructor(private readonly now: () => number) {
    this.all = new TokenBucket(now, ALL);
    this.strangers = new TokenBucket(now, STRANGERS);
  }

  /** @param caller undefined when it is not known */
  admit(caller: string | undefined): boolean {
    const own = caller === undefined ? this.strangers : this.bucketOf(caller);
    return own.spend() && this.all.spend();
  }

  private bucketOf(caller: string): TokenBucket {
    let bucket = this.callers.get(caller);
    if (bucket === undefined) {
      if (this.callers.size >= MAX_CALLERS) this.callers.clear();
      bucket = new TokenBucket(this.now, ONE);
      this.callers.set(caller, bucket);
    }
    return bucket;
  }
}
