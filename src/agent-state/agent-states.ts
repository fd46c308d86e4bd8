import { Injectable } from '@nestjs/common';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { AgentDto, AgentStateName, WaitingForDto } from './agent.dto.js';

/** Who tells, the best evidence first: a run of DevForge's own, or what Claude Code shows in the container. */
export const AGENT_SOURCES = ['instruction', 'watch'] as const;
export type AgentSource = (typeof AGENT_SOURCES)[number];

export interface AgentReport {
  state: AgentStateName;
  /** Since when; null when that is not known. */
  since: Date | null;
  waitingFor: WaitingForDto | null;
}

const NONE: AgentDto = { active: false, state: 'none', since: null, waitingFor: null };

/** What the agents of all containers do, as their sources told last. Kept in memory: the sources tell anew after a restart. */
@Injectable()
export class AgentStates {
  private readonly reports = new Map<string, Partial<Record<AgentSource, AgentDto>>>();

  constructor(private readonly events: DomainEvents) {
    events.on('container.removed', ({ containerId }) => void this.reports.delete(containerId));
  }

  /** Takes precedence over sources of less evidence until {@link clear}. */
  report(containerId: string, source: AgentSource, report: AgentReport): void {
    const { [source]: before } = this.reports.get(containerId) ?? {};
    this.set(containerId, source, toDto(report, before));
  }

  /** The source knows nothing any more. */
  clear(containerId: string, source: AgentSource): void {
    this.set(containerId, source, undefined);
  }

  /** @returns null while nobody has told; a container in which no agent can run has none */
  of({ id, status, template }: Pick<ContainerRow, 'id' | 'status' | 'template'>): AgentDto | null {
    if (status !== 'running' || template === 'vscode') return NONE;
    return this.best(id) ?? null;
  }

  private best(containerId: string): AgentDto | undefined {
    const reports = this.reports.get(containerId);
    const source = AGENT_SOURCES.find((each) => reports?.[each] !== undefined);
    return source && reports?.[source];
  }

  private set(containerId: string, source: AgentSource, told: AgentDto | undefined): void {
    const before = this.best(containerId);
    const { [source]: _, ...rest } = this.reports.get(containerId) ?? {};
    if (told !== undefined) this.reports.set(containerId, { ...rest, [source]: told });
    else if (Object.keys(rest).length > 0) this.reports.set(containerId, rest);
    else this.reports.delete(containerId);
    if (this.best(containerId) !== before) this.events.emit('agent.changed', { containerId });
  }
}

/** A state that goes on keeps its beginning, and is the same object. */
function toDto({ state, since, waitingFor: told }: AgentReport, before: AgentDto | undefined): AgentDto {
  if (state === 'none') return NONE;
  const waitingFor = state === 'waiting' ? told : null;
  const goesOn =
    before?.state === state &&
    before.waitingFor?.tool === waitingFor?.tool &&
    before.waitingFor?.text === waitingFor?.text;
  return goesOn ? before : { active: true, state, since: since?.toISOString() ?? null, waitingFor };
}
