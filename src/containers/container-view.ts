import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import type { ContainerRow, JobRow } from '../persistence/containers/containers.repository.js';
import { JobsRepository } from '../persistence/containers/jobs.repository.js';
import { AgentStates } from '../agent-state/agent-states.js';
import type { AgentDto } from '../agent-state/agent.dto.js';
import { waitingOf } from './activity/idleness.js';
import { scheduleView } from './dto/schedule.dto.js';
import type { ContainerDto, JobDto, NamedCredentialDto } from './dto/container.dto.js';
import type { MetricsDto } from '../usage/metrics.dto.js';
import { ContainerCredentials } from '../credentials/container-credentials.js';
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
    private readonly credentials: ContainerCredentials,
    private readonly clock: Clock,
  ) {}

  /** @param job of the container, if it is known */
  async one(row: ContainerRow, job?: JobRow): Promise<ContainerDto> {
    const [jobs, credentials] = await Promise.all([
      job === undefined ? this.jobsOf([row]) : [job],
      this.credentials.named([row]),
    ]);
    return this.toDto(row, jobs[0], credentials.get(row.id) ?? []);
  }

  /** @param includeMetrics adds the latest metrics sample of running containers */
  async many(rows: ContainerRow[], includeMetrics = false): Promise<ContainerDto[]> {
    const [jobs, credentials] = await Promise.all([this.jobsOf(rows), this.credentials.named(rows)]);
    const byId = new Map(jobs.map((job) => [job.id, job]));
    return rows.map((row) => {
      const dto = this.toDto(row, row.jobId === null ? undefined : byId.get(row.jobId), credentials.get(row.id) ?? []);
      return includeMetrics ? { ...dto, metrics: this.metricsOf(row, dto.agent) } : dto;
    });
  }

  private async jobsOf(rows: ContainerRow[]): Promise<JobRow[]> {
    return this.jobs.findByIds(rows.flatMap(({ jobId }) => (jobId === null ? [] : [jobId])));
  }

  /** The state of the agent in a sample may be out of date by now. */
  private metricsOf({ id }: ContainerRow, agent: AgentDto | null): MetricsDto | null {
    const latest = this.metrics.latest(id);
    return latest === undefined ? null : { ...latest, agent: agent ?? latest.agent };
  }

  private toDto(row: ContainerRow, job: JobRow | undefined, credentials: NamedCredentialDto[]): ContainerDto {
    const agent = this.agents.of(row);
    return {
      id: row.id,
      name: row.name,
      projectId: row.projectId,
      template: row.template,
      mode: row.mode,
      repoType: row.repoType,
      repoUrl: row.repoUrl,
      repoBranch: row.repoBranch,
      depth: row.depth,
      submodules: row.submodules,
      lfs: row.lfs,
      setup: row.setup,
      gitName: row.gitName,
      gitEmail: row.gitEmail,
      credentials: credentials.map(({ id, name, kind }) => ({ id, name, kind })),
      egress: row.egress,
      egressAllow: row.egressAllow,
      egressSets: row.egressSets,
      budgetUsd: row.budgetUsd,
      cpuLimit: row.cpuLimit,
      memoryLimit: row.memoryLimit,
      diskLimit: row.diskLimit,
      diskLimitEnforced: row.diskLimitEnforced,
      idleStopMinutes: row.idleStopMinutes,
      ttlMinutes: row.ttlMinutes,
      waitingStopMinutes: row.waitingStopMinutes,
      schedule: scheduleView(row.schedule, this.clock.now()),
      volume: row.dataId,
      // That of a copy is gone with the last one that needed it.
      fromSnapshot: row.forkedFrom === null ? row.snapshotId : null,
      forkedFrom: row.forkedFrom,
      pendingChanges: row.pendingChanges,
      provisioning: row.provisioning,
      status: row.status,
      statusReason: row.statusReason,
      dockerId: row.runtimeId,
      imageReference: row.imageReference,
      packages: row.packages,
      image: row.image,
      editorUrl: row.template === 'claude' ? null : this.addresses.editorUrl(row),
      editor: row.template === 'claude' ? null : { lastSeenAt: row.editorLastSeenAt?.toISOString() ?? null },
      agent,
      waitingStopAt: (agent && waitingOf(row, agent))?.until.toISOString() ?? null,
      lastActivityAt: row.lastActivityAt?.toISOString() ?? null,
      activity: row.activity,
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
