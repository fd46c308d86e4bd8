/** How the CLI is called. */
import { closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** Processes of a run are known by this variable, whatever group or session they have put themselves in. */
export const MARK = 'DEVFORGE_INSTRUCTION_ID';
const CONTINUATION = 'Continue where you left off.';
const GUIDANCE_LIMIT = 64 * 1024;

/**
 * Nothing of the repository configures the CLI: `--setting-sources user` leaves out its settings with their hooks,
 * environment and key helpers, `--strict-mcp-config` its MCP servers.
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
 * Which session an attempt works in, and what it is told. A later attempt goes on only when the session has the prompt:
 * an earlier one may have ended before it was taken.
 */
export function opening(request, seenSession, environment) {
  const id = seenSession ?? request.sessionId ?? (request.continue ? null : request.newSessionId);
  const transcript = id === null ? null : findTranscript(id, environment);
  const taken =
    seenSession !== null &&
    transcript !== null &&
    readFileSync(transcript, 'utf8').includes(JSON.stringify(request.prompt));
  const prompt = taken ? CONTINUATION : request.prompt;
  if (id === null) return { session: '--continue', prompt };
  return { session: transcript || id === request.sessionId ? `--resume=${id}` : `--session-id=${id}`, prompt };
}

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
 * The repository's CLAUDE.md as plain text. The CLI itself would follow its imports to other files, so it gets a copy
 * with the system prompt, where nothing is followed; a link or a device is left alone.
 */
export function guidanceOf(cwd) {
  let descriptor;
  try {
    descriptor = openSync(join(cwd, 'CLAUDE.md'), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(descriptor).isFile()) return null;
    const text = Buffer.alloc(GUIDANCE_LIMIT);
    const length = readSync(descriptor, text, 0, GUIDANCE_LIMIT, 0);
    return length === 0 ? null : text.toString('utf8', 0, length);
  } catch {
    return null;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
