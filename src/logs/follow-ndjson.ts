import { once } from 'node:events';
import type { Response } from 'express';
import type { LogRecord } from '../drivers/workspace-logs.js';
import type { JoinedLog } from './log-hub.js';
import type { LogEntry } from './log-subscription.js';

/**
 * Streams a log as NDJSON, one JSON document a line, as fast as the client reads. Resolves when the log has ended or the
 * client has disconnected.
 */
export async function followAsNdjson(
  { initial, subscription, leave }: JoinedLog,
  wake: { up: () => void },
  response: Response,
  toLine: (record: LogRecord) => object,
): Promise<void> {
  const disconnected = new AbortController();
  const onClose = (): void => {
    disconnected.abort();
    wake.up();
  };
  response.once('close', onClose);
  // The client may have disconnected while the log was joined.
  if (response.destroyed) onClose();
  const write = async (documents: object[]): Promise<void> => {
    if (documents.length === 0 || disconnected.signal.aborted) return;
    const hasRoom = response.write(documents.map((document) => `${JSON.stringify(document)}\n`).join(''));
    if (!hasRoom) await once(response, 'drain', { signal: disconnected.signal });
  };
  try {
    if (!disconnected.signal.aborted) response.flushHeaders();
    await write((initial ?? []).map(toLine));
    while (!disconnected.signal.aborted) {
      const entry = subscription.take();
      if (entry === undefined) await nextEntry(wake);
      else if (entry.kind === 'end' || entry.kind === 'error') break;
      else await write(toDocuments(entry, toLine));
    }
  } catch (error) {
    if (!disconnected.signal.aborted) throw error;
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
