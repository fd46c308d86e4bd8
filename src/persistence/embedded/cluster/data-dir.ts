import { mkdir, realpath } from 'node:fs/promises';
import { messageOf } from '../../../common/errors/message-of.js';
import { EmbeddedPostgresError, errorCode } from '../errors.js';

/**
 * Makes the data directory when it is absent.
 *
 * @returns its real path, under which it is known from here on
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

/** Gives the system errors of a directory that refuses us, or of a full disk, the one type of this folder. */
export function toEmbeddedPostgresError(error: unknown, dataDir: string): unknown {
  const refused = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR'].includes(errorCode(error) ?? '');
  return refused ? unwritable(dataDir, error) : error;
}

function unwritable(dataDir: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_UNWRITABLE',
    `The embedded database cannot be kept in ${dataDir}: ${messageOf(cause)}. ` +
      'Make it writable for the user that runs DevForge, free some space, or set DATA_DIR to another directory.',
    { cause },
  );
}
