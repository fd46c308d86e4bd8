export { ERROR_CODES, type ErrorCode } from './error-codes.js';
export type { components, operations, paths } from './rest.js';
export type * from './socket-events.js';
