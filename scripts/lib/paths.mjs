/** Paths of the project. Every script may be called from any directory. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const BIN = join(ROOT, 'node_modules', '.bin');
/** The project's own Node.js (devDependency `node`), whatever the host has. */
export const NODE = join(BIN, 'node');

/** Arguments of the built server. With a young generation of the default size it takes 100 MB more under load, for nothing. */
export const SERVER = ['--max-semi-space-size=16', join('dist', 'main.js')];
