import { mkdir, realpath } from 'node:fs/promises';
import { messageOf } from '../../../common/errors/message-of.js';
import { EmbeddedPostgresError, errorCode } from '../errors.js';

/**
 * Creates the data directory if it is absent.
 *
 * @returns its real path
 * @throws EmbeddedPostgresError `DATA_DIR_UNWRITABLE`
 */
export async function prepareDataDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (error) {
    throw unwritable(dataDir, error);
  }
}

/** Converts system errors of an inaccessible directory or a full disk; returns other errors unchanged. */
export function toEmbeddedPostgresError(error: unknown, dataDir: string): unknown {
  const isUnwritable = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR'].includes(errorCode(error) ?? '');
  return isUnwritable ? unwritable(dataDir, error) : error;
}

function unwritable(dataDir: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_UNWRITABLE',
    `The embedded database cannot be kept in ${dataDir}: ${messageOf(cause)}. ` +
      'Make it writable for the user that runs DevForge, free some space, or set DATA_DIR to another directory.',
    { cause },
  );
}
