import type { LogRecord } from '../drivers/workspace-logs.js';

const OPENING_BRACKET = '['.charCodeAt(0);
const SOURCE = /^\[([a-z][a-z0-9._-]{0,31})\] /;

/** Sets the source of each line that names one: the programs of the workspace images do, and any other program may. */
export function markSources(records: LogRecord[]): LogRecord[] {
  for (const record of records) {
    if (record.message.charCodeAt(0) !== OPENING_BRACKET) continue;
    const source = SOURCE.exec(record.message)?.[1];
    if (source !== undefined) record.source = source;
  }
  return records;
}

/** Whether a line is from the source; every line is when none is given. */
export function isFrom(source: string | undefined, record: LogRecord): boolean {
  return source === undefined || record.source === source;
}
