import { once } from 'node:events';
import type { Response } from 'express';
import type { LogRecord } from '../drivers/workspace-logs.js';
import type { JoinedLog } from './log-hub.js';
import type { LogEntry } from './log-subscription.js';

/** Writes a log to a client, one JSON document a line, at the client's pace, until the log ends or the client leaves. */
export async function followAsNdjson(
  { initial, subscription, leave }: JoinedLog,
  wake: { up: () => void },
  response: Response,
  toLine: (record: LogRecord) => object,
): Promise<void> {
  const left = new AbortController();
  const leaves = (): void => {
    left.abort();
    wake.up();
  };
  response.once('close', leaves);
  // It may have left while the log was being joined.
  if (response.destroyed) leaves();
  const write = async (documents: object[]): Promise<void> => {
    if (documents.length === 0 || left.signal.aborted) return;
    const taken = response.write(documents.map((document) => `${JSON.stringify(document)}\n`).join(''));
    if (!taken) await once(response, 'drain', { signal: left.signal });
  };
  try {
    if (!left.signal.aborted) response.flushHeaders();
    await write((initial ?? []).map(toLine));
    while (!left.signal.aborted) {
      const entry = subscription.take();
      if (entry === undefined) await nextEntry(wake);
      else if (entry.kind === 'end' || entry.kind === 'error') break;
      else await write(toDocuments(entry, toLine));
    }
  } catch (error) {
    if (!left.signal.aborted) throw error;
  } finally {
    leave();
    response.end();
  }
}

function toDocuments(
  entry: Extract<LogEntry, { kind: 'lines' | 'dropped' }>,
  toLine: (record: LogRecord) => object,
): object[] {
  return entry.kind === 'lines' ? entry.lines.map(toLine) : [{ dropped: entry.count }];
}

function nextEntry(wake: { up: () => void }): Promise<void> {
  return new Promise((resolve) => {
    wake.up = resolve;
  });
}
