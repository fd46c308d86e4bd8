import { jsonExcess } from '../../common/bytes/json-limits.js';
import { type MessageFigures, readFigures, type ResultFigures } from './event-figures.js';

/** Limits of one event. What exceeds them is replaced by an event that says so. */
const MAX_STORED_BYTES = 16 * 1024 * 1024;
const JSON_LIMITS = { maxDepth: 256, maxValues: 100_000 };
/** What is shown of the input of a permission request: Claude Code itself keeps all of it. */
const MAX_INPUT_LENGTH = 256 * 1024;
const MAX_INPUT_TEXT_LENGTH = 16 * 1024;

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
  message?: MessageFigures;
  result?: ResultFigures;
}

export function readCliEvent(line: Buffer): CliEvent {
  const bytes = line.length + 1;
  if (jsonExcess(line, JSON_LIMITS) !== undefined) return { json: tooLarge(line), bytes };
  const event = parse(line.toString(), bytes);
  // As a JSON string, a line may take six times its bytes.
  return event.json.length > MAX_STORED_BYTES ? { json: tooLarge(line), bytes } : event;
}

/** The same form as the runner's own report of a line that is too long. */
function tooLarge({ length: bytes }: Buffer): string {
  return JSON.stringify({ type: 'devforge', subtype: 'event_too_large', bytes });
}

function parse(text: string, bytes: number): CliEvent {
  try {
    const event: unknown = JSON.parse(text);
    return typeof event === 'object' && event !== null
      ? { json: text, bytes, ...extractFields(event), ...readFigures(event) }
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
      input: shownInput(request.input ?? null),
    },
  };
}

/** JSON of the input, with long texts cut when it is large. */
function shownInput(input: unknown): string {
  const whole = JSON.stringify(input);
  if (whole.length <= MAX_INPUT_LENGTH) return whole;
  const cut = JSON.stringify(input, (_, value: unknown) =>
    typeof value === 'string' && value.length > MAX_INPUT_TEXT_LENGTH
      ? `${value.slice(0, MAX_INPUT_TEXT_LENGTH)}…`
      : value,
  );
  return cut.length <= MAX_INPUT_LENGTH ? cut : 'null';
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
