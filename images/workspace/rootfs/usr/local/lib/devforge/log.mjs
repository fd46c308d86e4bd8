/** Lines of the container's log: the output of its main process. `devforge-log` writes the same. */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';

/** In characters. With up to three bytes each, a line fits into PIPE_BUF, so it is never mixed with another one. */
const MAX_LENGTH = 1_000;
const MAIN_PROCESS = '/proc/1';
const FDS = { stdout: 1, stderr: 2 };
/** Names of variables whose values must not be in a log. */
const SECRET_NAME = /KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL/i;
const MIN_SECRET_LENGTH = 8;
const CONTROL = /[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/**
 * Writes a line, or nothing when the engine has no room for it: nobody waits for a log.
 * @param {string} source
 * @param {string} text
 * @param {keyof typeof FDS} [stream]
 */
export function log(source, text, stream = 'stdout') {
  if (!isWorkspace()) return;
  let descriptor;
  try {
    descriptor = openSync(`${MAIN_PROCESS}/fd/${FDS[stream]}`, constants.O_WRONLY | constants.O_NONBLOCK);
    writeSync(descriptor, `[${source}] ${oneLine(text, MAX_LENGTH)}\n`);
  } catch {
    // The pipe is full, or cannot be opened.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The text on one line, without control characters and values of secret variables. @param {string} text @param {number} maxLength */
export function oneLine(text, maxLength) {
  const line = withoutSecrets(text).replaceAll(CONTROL, ' ').trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1).toWellFormed()}…` : line;
}

/** @param {string} text */
function withoutSecrets(text) {
  let clean = text;
  for (const secret of secrets()) clean = clean.replaceAll(secret, '***');
  return clean;
}

/** @type {string[] | undefined} */
let found;

function secrets() {
  found ??= Object.entries(process.env).flatMap(([name, value]) =>
    SECRET_NAME.test(name) && value !== undefined && value.length >= MIN_SECRET_LENGTH ? [value] : [],
  );
  return found;
}

/** @type {boolean | undefined} */
let isInWorkspace;

/** Outside a workspace, where these programs are tested, the main process is somebody else's. */
function isWorkspace() {
  isInWorkspace ??= readFileSync(`${MAIN_PROCESS}/cmdline`, 'latin1').includes('devforge-workspace');
  return isInWorkspace;
}
