import type { AgentReport } from '../agent-state/agent-states.js';
import { AGENT_STATES, type AgentStateName, type WaitingForDto } from '../agent-state/agent.dto.js';
import { toOneLine } from './one-line.js';

/** The last time that Date represents, in microseconds. */
const MAX_TIME_US = 8.64e18;

/**
 * Reads a line of `devforge-agents watch`. The line comes from inside the container and is not trusted.
 * @returns undefined when the line is not a valid report
 */
export function readAgentLine(line: string): AgentReport | undefined {
  const value = parse(line);
  if (typeof value !== 'object' || value === null) return undefined;
  const { state, since, waitingFor } = value as Record<string, unknown>;
  if (!AGENT_STATES.includes(state as AgentStateName)) return undefined;
  const isTime = typeof since === 'number' && since > 0 && since <= MAX_TIME_US;
  return {
    state: state as AgentStateName,
    since: isTime ? new Date(since / 1_000) : null,
    waitingFor: readWaitingFor(waitingFor),
  };
}

function readWaitingFor(value: unknown): WaitingForDto | null {
  if (typeof value !== 'object' || value === null) return null;
  const { tool, text } = value as Record<string, unknown>;
  return {
    tool: typeof tool === 'string' ? toOneLine(tool) : null,
    text: typeof text === 'string' ? toOneLine(text) : '',
  };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
