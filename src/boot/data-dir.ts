import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../common/errors/message-of.js';
import type { Settings } from '../config/settings.js';

/**
 * Makes the data directory when something is kept there: the database, the administrator token or the key of the credentials.
 * @throws Error that names the setting
 */
export function prepareDataDir({
  dataDir,
  databaseUrl,
  token,
  secretsKeys,
}: Pick<Settings, 'dataDir' | 'databaseUrl' | 'token' | 'secretsKeys'>): void {
  if (databaseUrl !== undefined && token !== undefined && secretsKeys.length > 0) return;
  try {
    makeDirectory(dataDir);
  } catch (error) {
    throw new Error(
      `The directory ${dataDir} cannot be made: ${messageOf(error)}. Set DATA_DIR to a directory that DevForge may write to.`,
      { cause: error },
    );
  }
}

/** Below /proc, where directories can be made nowhere, `mkdir` of Node with `recursive` never returns. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) {
    if (!statSync(directory).isDirectory()) throw new Error(`${directory} is a file`);
    return;
  }
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    // Another process that started at the same time may have made it.
    if (!existsSync(directory)) throw error;
  }
}
