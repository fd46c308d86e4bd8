import { Injectable } from '@nestjs/common';
import type { ContainerRow, JobRow } from '../persistence/containers/containers.repository.js';
import { JobsRepository } from '../persistence/containers/jobs.repository.js';
import { AgentStates } from '../agent-state/agent-states.js';
import type { AgentDto } from '../agent-state/agent.dto.js';
import type { ContainerDto, JobDto } from './dto/container.dto.js';
import type { MetricsDto } from '../usage/metrics.dto.js';
import { LatestMetrics } from '../usage/latest-metrics.js';
import { SiteAddresses } from '../sites/site-addresses.js';

/** Converts rows to the containers of the API. */
@Injectable()
export class ContainerView {
  constructor(
    private readonly addresses: SiteAddresses,
    private readonly jobs: JobsRepository,
    private readonly metrics: LatestMetrics,
    private readonly agents: AgentStates,
  ) {}

  async one(row: ContainerRow): Promise<ContainerDto> {
    const [dto] = await this.many([row]);
    return dto!;
  }

  /** @param includeMetrics adds the latest metrics sample of running containers */
  async many(rows: ContainerRow[], includeMetrics = false): Promise<ContainerDto[]> {
    const jobs = await this.jobs.findByIds(rows.flatMap(({ jobId }) => (jobId === null ? [] : [jobId])));
    const byId = new Map(jobs.map((job) => [job.id, job]));
    return rows.map((row) => {
      const dto = this.toDto(row, row.jobId === null ? undefined : byId.get(row.jobId));
      return includeMetrics ? { ...dto, metrics: this.metricsOf(row, dto.agent) } : dto;
    });
  }

  /** The state of the agent in a sample may be out of date by now. */
  private metricsOf({ id }: ContainerRow, agent: AgentDto | null): MetricsDto | null {
    const latest = this.metrics.latest(id);
    return latest === undefined ? null : { ...latest, agent: agent ?? latest.agent };
  }

  private toDto(row: ContainerRow, job: JobRow | undefined): ContainerDto {
    return {
      id: row.id,
      name: row.name,
      projectId: row.projectId,
      template: row.template,
      mode: row.mode,
      repoType: row.repoType,
      repoUrl: row.repoUrl,
      repoBranch: row.repoBranch,
      gitName: row.gitName,
      gitEmail: row.gitEmail,
      cpuLimit: row.cpuLimit,
      memoryLimit: row.memoryLimit,
      diskLimit: row.diskLimit,
      diskLimitEnforced: row.diskLimitEnforced,
      volume: row.dataId,
      pendingChanges: row.pendingChanges,
      status: row.status,
      statusReason: row.statusReason,
      dockerId: row.runtimeId,
      image: row.image,
      editorUrl: row.template === 'claude' ? null : this.addresses.editorUrl(row),
      editor: row.template === 'claude' ? null : { lastSeenAt: row.editorLastSeenAt?.toISOString() ?? null },
      agent: this.agents.of(row),
      job: job === undefined ? null : toJobDto(job),
      createdAt: row.createdAt.toISOString(),
      updatedAt: row.updatedAt.toISOString(),
      startedAt: row.startedAt?.toISOString() ?? null,
    };
  }
}

export function toJobDto(job: JobRow): JobDto {
  return {
    id: job.id,
    name: job.name,
    containerId: job.containerId,
    state: job.state,
    step: job.step,
    progress: job.progress,
    message: job.message,
    attempts: job.attempts,
    error: job.error,
  };
}
