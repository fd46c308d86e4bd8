/**
 * Every error a client can meet. `status` is the HTTP status, `retryable` says that the same request
 * may succeed later without a change. Socket errors carry the same codes.
 */
export const ERROR_CODES = {
  validation_failed: { status: 400, title: 'The request is not valid', retryable: false },
  malformed_body: { status: 400, title: 'The body is not valid JSON', retryable: false },
  path_outside_workspace: { status: 400, title: 'The path leads out of the workspace', retryable: false },
  tar_refused: { status: 400, title: 'The archive cannot be unpacked', retryable: false },
  ssh_key_not_usable: { status: 400, title: 'The SSH key cannot be used', retryable: false },
  unauthorized: { status: 401, title: 'A valid bearer token is needed', retryable: false },
  forbidden: { status: 403, title: 'Not allowed', retryable: false },
  file_not_accessible: { status: 403, title: 'The file is closed to the user of the workspace', retryable: false },
  container_not_found: { status: 404, title: 'No such container', retryable: false },
  job_not_found: { status: 404, title: 'No such job', retryable: false },
  instruction_not_found: { status: 404, title: 'No such instruction', retryable: false },
  permission_not_found: { status: 404, title: 'No such permission is asked for', retryable: false },
  route_not_found: { status: 404, title: 'No such route', retryable: false },
  terminal_not_found: { status: 404, title: 'No such terminal', retryable: false },
  file_not_found: { status: 404, title: 'No such file or directory', retryable: false },
  name_taken: { status: 409, title: 'The name is in use', retryable: false },
  invalid_state: { status: 409, title: 'Not possible in the current state', retryable: false },
  no_claude_code: { status: 409, title: 'There is no Claude Code in this container', retryable: false },
  permission_answered: { status: 409, title: 'The permission was answered otherwise', retryable: false },
  is_a_directory: { status: 409, title: 'It is a directory', retryable: false },
  not_a_directory: { status: 409, title: 'It is no directory', retryable: false },
  special_file: { status: 409, title: 'It is a device, a FIFO or a socket', retryable: false },
  image_outdated: { status: 409, title: 'The container was made from an older image', retryable: false },
  busy: { status: 409, title: 'Another operation on this container is under way', retryable: true },
  method_not_allowed: { status: 405, title: 'Method not allowed', retryable: false },
  payload_too_large: { status: 413, title: 'The body is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body has a type that is not taken', retryable: false },
  range_not_satisfiable: { status: 416, title: 'The range lies outside the file', retryable: false },
  idempotency_key_reused: { status: 422, title: 'The idempotency key was used with another body', retryable: false },
  too_many_subscriptions: { status: 429, title: 'Too many subscriptions on this connection', retryable: false },
  too_many_terminals: { status: 429, title: 'Too many terminals in this container', retryable: false },
  terminal_input_full: { status: 429, title: 'The terminal does not take its input', retryable: true },
  unknown_event: { status: 404, title: 'No such event', retryable: false },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true },
  internal_error: { status: 500, title: 'Something went wrong in DevForge', retryable: false },
  engine_error: { status: 502, title: 'The container engine refused', retryable: true },
  workspace_tool_failed: { status: 502, title: 'A program of DevForge in the container failed', retryable: true },
  engine_unavailable: { status: 503, title: 'The container engine does not answer', retryable: true },
  database_unavailable: { status: 503, title: 'The database does not answer', retryable: true },
  shutting_down: { status: 503, title: 'DevForge is shutting down', retryable: true },
  preview_unavailable: { status: 409, title: 'The port has no address of its own', retryable: false },
  disk_full: { status: 507, title: 'No space is left on the disk', retryable: false },
  editor_unavailable: { status: 503, title: 'The editor does not answer', retryable: true },
  terminal_unavailable: { status: 503, title: 'The terminals of the container do not answer', retryable: true },
} as const satisfies Record<string, ErrorCodeEntry>;

interface ErrorCodeEntry {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

export type ErrorCode = keyof typeof ERROR_CODES;
