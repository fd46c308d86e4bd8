/** One line of the CLI's output, and what DevForge reads in it. */
export interface CliEvent {
  /** A JSON document in one line: the line itself, or the line as a JSON text where it is none. */
  json: string;
  /** Bytes of the line in the runner's file, its break included. */
  bytes: number;
  sessionId?: string;
  asks?: { requestId: string; toolName: string; input: string };
  /** Id of a request that is no longer asked. */
  withdraws?: string;
}

export function readCliEvent(line: Buffer): CliEvent {
  const text = line.toString();
  const bytes = line.length + 1;
  try {
    const event: unknown = JSON.parse(text);
    return typeof event === 'object' && event !== null
      ? { json: text, bytes, ...meaningOf(event) }
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

function meaningOf({
  type,
  subtype,
  session_id: sessionId,
  request_id: requestId,
  request,
}: CliEventShape): Partial<CliEvent> {
  if (type === 'system' && subtype === 'init' && isStorable(sessionId)) return { sessionId };
  if (type === 'control_cancel_request' && isStorable(requestId)) return { withdraws: requestId };
  if (type !== 'control_request' || request?.subtype !== 'can_use_tool' || !isStorable(requestId)) return {};
  return {
    asks: {
      requestId,
      toolName: isStorable(request.tool_name) ? request.tool_name : '',
      input: JSON.stringify(request.input ?? null),
    },
  };
}

const LONGEST_NAME = 200;

function isStorable(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= LONGEST_NAME &&
    value.isWellFormed() &&
    !value.includes('\0')
  );
}
