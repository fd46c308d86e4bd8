import { Injectable } from '@nestjs/common';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { AgentDto, AgentStateName, WaitingForDto } from './agent.dto.js';
import { ModelProblems } from './model-problems.js';

/**
 * Where a state comes from, the most reliable first: an instruction that DevForge executes, or the watch of the
 * processes in the container.
 */
export const AGENT_SOURCES = ['instruction', 'watch'] as const;
export type AgentSource = (typeof AGENT_SOURCES)[number];

export interface AgentReport {
  state: AgentStateName;
  /** When the state began; null when that is not known. */
  since: Date | null;
  waitingFor: WaitingForDto | null;
}

type ReportedState = Omit<AgentDto, 'modelProblem'>;

const NONE: ReportedState = { active: false, state: 'none', since: null, waitingFor: null };

/** The latest reports on the agents of all containers, in memory: every source reports again after a restart. */
@Injectable()
export class AgentStates {
  private readonly reports = new Map<string, Partial<Record<AgentSource, ReportedState>>>();

  constructor(
    private readonly events: DomainEvents,
    private readonly problems: ModelProblems,
  ) {
    events.on('container.removed', ({ containerId }) => void this.reports.delete(containerId));
  }

  /** Takes precedence over less reliable sources until {@link clear}. */
  report(containerId: string, source: AgentSource, report: AgentReport): void {
    const { [source]: previous } = this.reports.get(containerId) ?? {};
    this.set(containerId, source, toDto(report, previous));
  }

  /** Withdraws the report of a source. */
  clear(containerId: string, source: AgentSource): void {
    this.set(containerId, source, undefined);
  }

  /** @returns null while no source has reported; state `none` for a container in which no agent can run */
  of({ id, status, template }: Pick<ContainerRow, 'id' | 'status' | 'template'>): AgentDto | null {
    if (status !== 'running' || template === 'vscode') return { ...NONE, modelProblem: null };
    const state = this.best(id);
    return state === undefined ? null : { ...state, modelProblem: this.problems.all.get(id) ?? null };
  }

  private best(containerId: string): ReportedState | undefined {
    const reports = this.reports.get(containerId);
    const source = AGENT_SOURCES.find((each) => reports?.[each] !== undefined);
    return source && reports?.[source];
  }

  private set(containerId: string, source: AgentSource, report: ReportedState | undefined): void {
    const before = this.best(containerId);
    const { [source]: _, ...rest } = this.reports.get(containerId) ?? {};
    if (report !== undefined) this.reports.set(containerId, { ...rest, [source]: report });
    else if (Object.keys(rest).length > 0) this.reports.set(containerId, rest);
    else this.reports.delete(containerId);
    if (this.best(containerId) !== before) this.events.emit('agent.changed', { containerId });
  }
}

/** A state that continues keeps its `since`, and stays the same object. */
function toDto(
  { state, since, waitingFor: reported }: AgentReport,
  previous: ReportedState | undefined,
): ReportedState {
  if (state === 'none') return NONE;
  const waitingFor = state === 'waiting' ? reported : null;
  const continues =
    previous?.state === state &&
    previous.waitingFor?.tool === waitingFor?.tool &&
    previous.waitingFor?.text === waitingFor?.text;
  return continues ? previous : { active: true, state, since: since?.toISOString() ?? null, waitingFor };
}
