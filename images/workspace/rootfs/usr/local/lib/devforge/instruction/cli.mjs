/** The command line of the CLI, Claude Code. */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./request.mjs').Request} Request */

/** Set for every process of a run, so that they are found whatever process group or session they are in. */
export const ID_VARIABLE = 'DEVFORGE_INSTRUCTION_ID';
const CONTINUE_PROMPT = 'Continue where you left off.';
const MAX_GUIDANCE_BYTES = 64 * 1024;

/**
 * The repository must not configure the CLI: `--setting-sources user` leaves out the repository's settings with their
 * hooks, environment and key helpers, `--strict-mcp-config` its MCP servers.
 *
 * @param {Request} request
 * @param {string} session the option that selects it
 * @param {string | null} guidance path of the file to append to the system prompt
 */
export function cliArguments(request, session, guidance) {
  return [
    '-p',
    '--input-format=stream-json',
    '--output-format=stream-json',
    '--verbose',
    '--setting-sources=user',
    '--strict-mcp-config',
    ...(request.permissionMode === 'manual'
      ? ['--permission-mode=manual', '--permission-prompt-tool=stdio']
      : ['--permission-mode=bypassPermissions']),
    session,
    ...(request.model === null ? [] : [`--model=${request.model}`]),
    ...(request.maxTurns === null ? [] : [`--max-turns=${request.maxTurns}`]),
    ...(request.maxBudgetUsd === null ? [] : [`--max-budget-usd=${request.maxBudgetUsd}`]),
    ...(guidance === null ? [] : [`--append-system-prompt-file=${guidance}`]),
  ];
}

/**
 * The session an attempt works in, and its prompt. A later attempt continues only if the session contains the original
 * prompt: the attempt before may have ended before the CLI took it.
 *
 * @param {Request} request
 * @param {string | null} previousSession that of the attempt before
 * @param {NodeJS.ProcessEnv} environment
 */
export function sessionAndPrompt(request, previousSession, environment) {
  const id = previousSession ?? request.sessionId ?? (request.continue ? null : request.newSessionId);
  const transcript = id === null ? null : findTranscript(id, environment);
  const hasPrompt =
    previousSession !== null &&
    transcript !== null &&
    readFileSync(transcript, 'utf8').includes(JSON.stringify(request.prompt));
  const prompt = hasPrompt ? CONTINUE_PROMPT : request.prompt;
  if (id === null) return { session: '--continue', prompt };
  return { session: transcript || id === request.sessionId ? `--resume=${id}` : `--session-id=${id}`, prompt };
}

/** @param {string} session @param {NodeJS.ProcessEnv} environment */
function findTranscript(session, { CLAUDE_CONFIG_DIR, HOME = '/' }) {
  const projects = join(CLAUDE_CONFIG_DIR || join(HOME, '.claude'), 'projects');
  try {
    return (
      readdirSync(projects)
        .map((project) => join(projects, project, `${session}.jsonl`))
        .find((file) => existsSync(file)) ?? null
    );
  } catch {
    return null;
  }
}

/**
 * The repository's CLAUDE.md as plain text. The CLI would follow its imports to other files, so it gets a copy with the
 * system prompt, where imports are not followed. Links and devices are not read.
 *
 * @param {string} cwd
 * @returns {string | null}
 */
export function readGuidance(cwd) {
  let descriptor;
  try {
    descriptor = openSync(join(cwd, 'CLAUDE.md'), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(descriptor).isFile()) return null;
    const text = Buffer.alloc(MAX_GUIDANCE_BYTES);
    const length = readSync(descriptor, text, 0, MAX_GUIDANCE_BYTES, 0);
    return length === 0 ? null : text.toString('utf8', 0, length);
  } catch {
    return null;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
