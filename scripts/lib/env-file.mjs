/** Reads `.env`: lines of KEY=VALUE, `#` comments, optional quotes and `export`. The environment wins over it. */
import { existsSync, readFileSync } from 'node:fs';

/** @returns {Record<string, string>} */
export function parseEnvFile(text) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line);
    if (match) values[match[1]] = unquote(match[2].trim());
  }
  return values;
}

function unquote(value) {
  const quoted = /^(["'])(.*?)\1\s*(?:#.*)?$/.exec(value);
  if (!quoted) return value.replace(/(^|\s+)#.*$/, '').trim();
  return quoted[1] === '"' ? quoted[2].replaceAll('\\n', '\n') : quoted[2];
}

/** The file's values, overridden by those of the environment; an empty value counts as unset. */
export function mergeEnv(file, env) {
  const given = Object.entries({ ...file, ...withoutEmpty(env) }).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  return Object.fromEntries(given);
}

const withoutEmpty = (env) => Object.fromEntries(Object.entries(env).filter(([, value]) => value));

/** @returns {Record<string, string>} */
export function readEnv(path, env = process.env) {
  return mergeEnv(existsSync(path) ? parseEnvFile(readFileSync(path, 'utf8')) : {}, env);
}
