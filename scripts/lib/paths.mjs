/** Where the project is. Every script may be called from any directory. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const BIN = join(ROOT, 'node_modules', '.bin');
/** The Node of the project (devDependency `node`), whatever the host has. */
export const NODE = join(BIN, 'node');
