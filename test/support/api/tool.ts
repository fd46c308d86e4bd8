import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian and Ubuntu keep daemons that are not on an ordinary user's PATH. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** The absolute path of a program, or `undefined` where it is not installed. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * The absolute path of a program that a test cannot do without.
 *
 * @param debianPackage the package to install, named in the error
 * @throws Error that says which package brings the program
 */
export function requireTool(name: string, debianPackage: string): string {
  const path = findTool(name);
  if (!path) throw new Error(`${name} is not installed. On Debian or Ubuntu: apt-get install ${debianPackage}`);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
