import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import type { SignInFailuresRepository } from '../../persistence/auth/users/sign-in-failures.repository.js';
import { SignInLimit } from './sign-in-limit.js';

describe('SignInLimit', () => {
  it.each([
    ['began now', 0, 60],
    ['began a while ago', -45_500, 15],
    ['has just ended', -60_000, 1],
    ['was begun by an attempt that came later and was faster', 3, 60],
  ])('says how long to wait when the window %s', async (_, startMs, seconds) => {
    const clock = new FakeClock();
    const windowStart = new Date(clock.now().getTime() + startMs);
    const failures = {
      add: () => Promise.resolve({ count: 11, windowStart }),
      takeBack: () => Promise.resolve(),
    } as unknown as SignInFailuresRepository;
    await expect(new SignInLimit(failures, clock).begin('192.0.2.1')).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: seconds,
    });
  });
});
