import type { AgentReport } from '../agent-state/agent-states.js';
import { AGENT_STATES, type AgentStateName, type WaitingForDto } from '../agent-state/agent.dto.js';

const MOST_CHARACTERS = 200;
/** The end of the range of Date, in microseconds. */
const LATEST = 8.64e18;

/**
 * Reads a line of `devforge-agents watch`. It comes out of the container, where anybody may have written it.
 * @returns undefined for anything else
 */
export function readAgentLine(line: string): AgentReport | undefined {
  const told = parse(line);
  if (typeof told !== 'object' || told === null) return undefined;
  const { state, since, waitingFor } = told as Record<string, unknown>;
  if (!AGENT_STATES.includes(state as AgentStateName)) return undefined;
  const isTime = typeof since === 'number' && since > 0 && since <= LATEST;
  return {
    state: state as AgentStateName,
    since: isTime ? new Date(since / 1_000) : null,
    waitingFor: readWaitingFor(waitingFor),
  };
}

function readWaitingFor(told: unknown): WaitingForDto | null {
  if (typeof told !== 'object' || told === null) return null;
  const { tool, text } = told as Record<string, unknown>;
  return { tool: typeof tool === 'string' ? oneLine(tool) : null, text: typeof text === 'string' ? oneLine(text) : '' };
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
