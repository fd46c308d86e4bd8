/** One line of Claude Code's output, with the fields that DevForge reads from it. */
export interface CliEvent {
  /** A JSON document on one line: the line itself, or a JSON string of it when it is not valid JSON. */
  json: string;
  /** Bytes of the line in the runner's file, including the line break. */
  bytes: number;
  sessionId?: string;
  permissionRequest?: { requestId: string; toolName: string; input: string };
  /** Id of a permission request that Claude Code withdraws. */
  withdrawnRequestId?: string;
}

export function readCliEvent(line: Buffer): CliEvent {
  const text = line.toString();
  const bytes = line.length + 1;
  try {
    const event: unknown = JSON.parse(text);
    return typeof event === 'object' && event !== null
      ? { json: text, bytes, ...extractFields(event) }
      : { json: text, bytes };
  } catch {
    return { json: JSON.stringify(text), bytes };
  }
}

interface CliEventShape {
  type?: unknown;
  subtype?: unknown;
  session_id?: unknown;
  request_id?: unknown;
  request?: { subtype?: unknown; tool_name?: unknown; input?: unknown } | null;
}

function extractFields({
  type,
  subtype,
  session_id: sessionId,
  request_id: requestId,
  request,
}: CliEventShape): Partial<CliEvent> {
  if (type === 'system' && subtype === 'init' && isStorable(sessionId)) return { sessionId };
  if (type === 'control_cancel_request' && isStorable(requestId)) return { withdrawnRequestId: requestId };
  if (type !== 'control_request' || request?.subtype !== 'can_use_tool' || !isStorable(requestId)) return {};
  return {
    permissionRequest: {
      requestId,
      toolName: isStorable(request.tool_name) ? request.tool_name : '',
      input: JSON.stringify(request.input ?? null),
    },
  };
}

const MAX_NAME_LENGTH = 200;

/** PostgreSQL text holds neither NUL nor lone surrogates. */
function isStorable(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_NAME_LENGTH &&
    value.isWellFormed() &&
    !value.includes('\0')
  );
}
