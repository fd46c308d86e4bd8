import { jsonExcess } from '../../common/bytes/json-limits.js';
import { INSTRUCTION_STATUSES, type StatusReason } from '../../persistence/types.js';
import type { InstructionEnd } from '../../persistence/instructions/instructions.repository.js';

/** How a run ended, as the runner recorded it. */
export interface RunnerOutcome {
  status: InstructionEnd['status'];
  reason: StatusReason | null;
  sessionId: string | null;
  result: string | null;
  costUsd: number | null;
  turns: number | null;
  usage: Record<string, unknown> | null;
  diffBytes: number;
  diffTruncated: boolean;
}

const JSON_LIMITS = { maxDepth: 64, maxValues: 10_000 };
const MAX_RESULT_LENGTH = 1024 * 1024;
const MAX_ID_LENGTH = 200;
const MAX_USAGE_LENGTH = 64 * 1024;

const FINAL_STATUSES: readonly string[] = INSTRUCTION_STATUSES.filter(
  (status) => status !== 'queued' && status !== 'running',
);

/**
 * Reads an outcome, which comes from inside a workspace and may hold anything. Fields of another type count as absent.
 * A result that is too long is cut.
 * @throws Error when it has no final status, or too many values
 */
export function parseOutcome(line: string): RunnerOutcome {
  if (jsonExcess(Buffer.from(line), JSON_LIMITS) !== undefined) throw new Error('the outcome is too large');
  const outcome = asRecord(JSON.parse(line));
  const status = outcome?.['status'];
  if (outcome === null || typeof status !== 'string' || !FINAL_STATUSES.includes(status))
    throw new Error('the outcome has no status');
  return {
    status: status as RunnerOutcome['status'],
    reason: asReason(outcome['reason']),
    sessionId: asText(outcome['sessionId'])?.slice(0, MAX_ID_LENGTH) ?? null,
    result: asText(outcome['result'])?.slice(0, MAX_RESULT_LENGTH).toWellFormed() ?? null,
    costUsd: asNumber(outcome['costUsd']),
    turns: asInteger(outcome['turns']),
    usage: asUsage(outcome['usage']),
    diffBytes: asInteger(outcome['diffBytes']) ?? 0,
    diffTruncated: outcome['diffTruncated'] === true,
  };
}

function asReason(value: unknown): StatusReason | null {
  const reason = asRecord(value);
  const code = asText(reason?.['code']);
  return code === null
    ? null
    : { code: code.slice(0, 100), message: (asText(reason?.['message']) ?? code).slice(0, 10_000) };
}

function asUsage(value: unknown): Record<string, unknown> | null {
  const usage = asRecord(storable(value));
  return JSON.stringify(usage).length <= MAX_USAGE_LENGTH ? usage : null;
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function asText(value: unknown): string | null {
  return typeof value === 'string' ? (storable(value) as string) : null;
}

function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function asInteger(value: unknown): number | null {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31 ? (value as number) : null;
}

/** PostgreSQL stores neither NUL nor half a surrogate pair. */
function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '\ufffd').toWellFormed();
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storable(inner)]));
}
