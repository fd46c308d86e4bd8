/** The settings that the scripts need, from `.env` and the environment, with the names and defaults of the server. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { engineAddress } from './engine-address.mjs';
import { readEnv } from './env-file.mjs';
import { Failure } from './failure.mjs';
import { ROOT } from './paths.mjs';

/** @param {Record<string, string | undefined>} env */
export function loadSettings(env = process.env, root = ROOT) {
  const values = readEnv(join(root, '.env'), env);
  return {
    values,
    port: values.PORT ?? '3000',
    host: values.HOST ?? '0.0.0.0',
    dataDir: expandPath(values.DATA_DIR ?? './.devforge', root),
    baseImage: values.BASE_IMAGE ?? 'debian:bookworm-slim',
    engine: engineAddress(values),
  };
}

/** An absolute path, resolved as the server does: `~` is the user's home. */
export const expandPath = (path, root = ROOT) => resolve(root, path.replace(/^~(?=\/|$)/, homedir()));

/** @param {string} text @returns {number} */
export function parsePort(text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Failure(`"${text}" is not a port (1 to 65535).`);
  return port;
}

/** The address of a server that listens on `host`: wildcard addresses are reached on loopback. */
export const reachableHost = (host) => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host);
