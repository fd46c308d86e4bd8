import { lchown, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError } from './errors.js';

const SQLITE_BUSY = 5;
const POLL_MS = 10;

/**
 * Serialises starting and stopping of one server between processes.
 *
 * It is an exclusive SQLite transaction on an empty file, the only way to an advisory lock of the kernel (`fcntl`) in
 * plain Node. The kernel releases it when its holder dies, so there are no stale locks and no reused process ids.
 */
export class StartLock {
  private readonly database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.database = database;
  }

  /**
   * @param deadline in the time of `performance.now()`
   * @throws EmbeddedPostgresError `LOCK_TIMEOUT`, `DATA_DIR_UNWRITABLE`
   */
  static async acquire(file: string, deadline: number): Promise<StartLock> {
    for (;;) {
      const lock = tryLock(file);
      if (lock !== undefined) {
        await shareWithOwner(file);
        return new StartLock(lock);
      }
      if (performance.now() > deadline) {
        throw new EmbeddedPostgresError(
          'LOCK_TIMEOUT',
          `Another process has been starting or stopping the embedded PostgreSQL for too long (lock ${file}). ` +
            'Find the DevForge process that hangs and end it.',
        );
      }
      await delay(POLL_MS);
    }
  }

  release(): void {
    if (this.database.isOpen) this.database.close();
  }
}

function tryLock(file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new EmbeddedPostgresError(
      'DATA_DIR_UNWRITABLE',
      `Cannot lock ${file}: ${String(error)}. Make the data directory writable, or remove that file if it belongs to something else.`,
      { cause: error },
    );
  }
}

/** The owner of the directory must be able to lock after a run as root. */
async function shareWithOwner(file: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(path.dirname(file));
  await lchown(file, uid, gid);
}
