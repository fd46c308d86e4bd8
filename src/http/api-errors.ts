import { ApiExtension } from '@nestjs/swagger';
import type { ErrorCode } from '../common/errors/error-codes.js';

/** The member of a documented operation that holds its error codes until they are turned into responses. */
export const ERRORS_EXTENSION = 'x-error-codes';

/** Every route that asks the engine for something. */
export const ENGINE_ERRORS = ['engine_error', 'engine_unavailable'] as const satisfies ErrorCode[];

/** Every route that speaks with a program in a running container. */
export const PROGRAM_ERRORS = [
  'invalid_state',
  'image_outdated',
  'workspace_tool_failed',
  'output_limit_exceeded',
  ...ENGINE_ERRORS,
] as const satisfies ErrorCode[];

/**
 * Documents the errors of a route that are its own. Those that follow from its form, such as `unauthorized`, or
 * `container_not_found` for a path with a container, are added to every route.
 */
export function ApiErrors(...codes: ErrorCode[]): MethodDecorator {
  return ApiExtension(ERRORS_EXTENSION, codes) as MethodDecorator;
}
