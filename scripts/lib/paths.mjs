/** Where the project is. Every script may be called from any directory. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const BIN = join(ROOT, 'node_modules', '.bin');
/** The Node of the project (devDependency `node`), whatever the host has. */
export const NODE = join(BIN, 'node');

/** How the built server is started. A young generation of the default size grows by 100 MB under load and gains nothing. */
export const SERVER = ['--max-semi-space-size=16', join('dist', 'main.js')];
