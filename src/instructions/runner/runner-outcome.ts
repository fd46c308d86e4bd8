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

const FINAL_STATUSES: readonly string[] = INSTRUCTION_STATUSES.filter(
  (status) => status !== 'queued' && status !== 'running',
);

/**
 * Reads an outcome, which comes from inside a workspace and may hold anything. Fields of another type count as absent.
 * @throws Error when it has no final status
 */
export function parseOutcome(line: string): RunnerOutcome {
  const outcome = asRecord(JSON.parse(line));
  const status = outcome?.['status'];
  if (outcome === null || typeof status !== 'string' || !FINAL_STATUSES.includes(status))
    throw new Error('the outcome has no status');
  return {
    status: status as RunnerOutcome['status'],
    reason: asReason(outcome['reason']),
    sessionId: asText(outcome['sessionId']),
    result: asText(outcome['result']),
    costUsd: asNumber(outcome['costUsd']),
    turns: asInteger(outcome['turns']),
    usage: asRecord(storable(outcome['usage'])),
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
