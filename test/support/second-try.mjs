import { jest } from '@jest/globals';

// At once: a later test of the suite may end the servers that this one needs.
jest.retryTimes(1, { logErrorsBeforeRetry: true, retryImmediately: true });
