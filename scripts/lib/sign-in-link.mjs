/** A link that signs one browser in to the console, and the browser that opens it. */
import { spawn } from 'node:child_process';
import { hostEnv, which } from './exec.mjs';
import { call } from './quickstart/client.mjs';

/**
 * @param {{ host: string, port: number, token: string }} server
 * @returns {Promise<{ url: string, expiresAt: string } | undefined>} undefined where browsers cannot be signed in
 */
export async function requestSignInLink(server) {
  const { status, body } = await call({ ...server, method: 'POST', path: '/api/session-links' });
  return status === 201 ? body : undefined;
}

/**
 * What opens an address in the browser of the person at this terminal.
 * @param {{ platform: string, env: NodeJS.ProcessEnv, isTerminal: boolean, isRoot: boolean }} here
 * @returns {string | undefined} undefined where there is no display, or nobody who looks at it; browsers do not run as root
 */
export function browserOpener({ platform, env, isTerminal, isRoot }) {
  if (!isTerminal || isRoot || env.CI || env.SSH_CONNECTION) return undefined;
  if (platform === 'darwin') return 'open';
  return env.DISPLAY || env.WAYLAND_DISPLAY ? 'xdg-open' : undefined;
}

/** Opens the address where a browser can be opened. @param {string} url @returns {boolean} whether it was tried */
export function openInBrowser(url) {
  const { platform, env } = process;
  const opener = browserOpener({
    platform,
    env,
    isTerminal: Boolean(process.stdout.isTTY),
    isRoot: process.getuid?.() === 0,
  });
  const program = opener && which(opener);
  if (!program) return false;
  const child = spawn(program, [url], { env: hostEnv(), stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
  return true;
}
