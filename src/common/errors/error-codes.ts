/**
 * Every error code of the API. `status` is the HTTP status; `retryable` means that the same request may succeed later
 * without a change. Socket errors carry the same codes.
 */
export const ERROR_CODES = {
  validation_failed: { status: 400, title: 'Invalid request', retryable: false },
  malformed_body: { status: 400, title: 'Malformed request body', retryable: false },
  path_outside_workspace: { status: 400, title: 'Path outside the workspace', retryable: false },
  tar_refused: { status: 400, title: 'Archive refused', retryable: false },
  ssh_key_not_usable: { status: 400, title: 'SSH key not usable', retryable: false },
  unauthorized: { status: 401, title: 'Authentication required', retryable: false },
  forbidden: { status: 403, title: 'Forbidden', retryable: false },
  quota_exceeded: { status: 403, title: 'Quota exceeded', retryable: false },
  file_not_accessible: { status: 403, title: 'Permission denied', retryable: false },
  project_not_found: { status: 404, title: 'No such project', retryable: false },
  api_key_not_found: { status: 404, title: 'No such API key', retryable: false },
  container_not_found: { status: 404, title: 'No such container', retryable: false },
  job_not_found: { status: 404, title: 'No such job', retryable: false },
  instruction_not_found: { status: 404, title: 'No such instruction', retryable: false },
  permission_not_found: { status: 404, title: 'No such pending permission', retryable: false },
  route_not_found: { status: 404, title: 'No such route', retryable: false },
  terminal_not_found: { status: 404, title: 'No such terminal', retryable: false },
  volume_not_found: { status: 404, title: 'No such volume', retryable: false },
  file_not_found: { status: 404, title: 'No such file or directory', retryable: false },
  name_taken: { status: 409, title: 'Name already in use', retryable: false },
  volume_in_use: { status: 409, title: 'Volume in use', retryable: false },
  instruction_running: { status: 409, title: 'An instruction is running', retryable: true },
  ambiguous_name: { status: 409, title: 'Name in several projects', retryable: false },
  project_not_empty: { status: 409, title: 'Project not empty', retryable: false },
  invalid_state: { status: 409, title: 'Not possible in the current state', retryable: false },
  no_claude_code: { status: 409, title: 'No Claude Code in this container', retryable: false },
  permission_answered: { status: 409, title: 'Permission already answered', retryable: false },
  is_a_directory: { status: 409, title: 'Is a directory', retryable: false },
  not_a_directory: { status: 409, title: 'Not a directory', retryable: false },
  special_file: { status: 409, title: 'Not a regular file', retryable: false },
  image_outdated: { status: 409, title: 'Container image outdated', retryable: false },
  busy: { status: 409, title: 'Container busy', retryable: true },
  method_not_allowed: { status: 405, title: 'Method not allowed', retryable: false },
  precondition_failed: { status: 412, title: 'Precondition failed', retryable: false },
  payload_too_large: { status: 413, title: 'Payload too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'Unsupported content type', retryable: false },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable', retryable: false },
  idempotency_key_reused: { status: 422, title: 'Idempotency key reused with another body', retryable: false },
  too_many_subscriptions: { status: 429, title: 'Too many subscriptions', retryable: false },
  too_many_terminals: { status: 429, title: 'Too many terminals', retryable: false },
  terminal_input_full: { status: 429, title: 'Terminal input buffer full', retryable: true },
  unknown_event: { status: 404, title: 'No such event', retryable: false },
  too_many_connections: { status: 429, title: 'Too many connections', retryable: true },
  rate_limited: { status: 429, title: 'Rate limited', retryable: true },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true },
  internal_error: { status: 500, title: 'Internal error', retryable: false },
  engine_error: { status: 502, title: 'Container engine error', retryable: true },
  output_limit_exceeded: { status: 502, title: 'Too much output from the workspace', retryable: false },
  workspace_tool_failed: { status: 502, title: 'Workspace program failed', retryable: true },
  engine_unavailable: { status: 503, title: 'Container engine unavailable', retryable: true },
  database_unavailable: { status: 503, title: 'Database unavailable', retryable: true },
  shutting_down: { status: 503, title: 'Shutting down', retryable: true },
  preview_unavailable: { status: 409, title: 'Port preview unavailable', retryable: false },
  request_timeout: { status: 408, title: 'Request timed out', retryable: true },
  out_of_disk: { status: 507, title: 'Server out of disk space', retryable: true },
  instruction_storage_full: { status: 507, title: 'Storage for instructions full', retryable: false },
  disk_full: { status: 507, title: 'No space left on device', retryable: false },
  editor_unavailable: { status: 503, title: 'Editor unavailable', retryable: true },
  terminal_unavailable: { status: 503, title: 'Terminals unavailable', retryable: true },
} as const satisfies Record<string, ErrorCodeEntry>;

interface ErrorCodeEntry {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
}

export type ErrorCode = keyof typeof ERROR_CODES;
