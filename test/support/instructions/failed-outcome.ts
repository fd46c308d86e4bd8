import { expect } from '@jest/globals';

/** Matches the outcome of a run that failed with this code. */
export const failed = (code: string, rest: object = {}) => ({
  status: 'failed',
  reason: { code, message: expect.any(String) },
  ...rest,
});
