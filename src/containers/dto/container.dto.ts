import { ApiProperty } from '@nestjs/swagger';
import {
  ACTIVITIES,
  type Activity,
  CONTAINER_STATUSES,
  type ContainerStatus,
  CREDENTIAL_KINDS,
  type CredentialKind,
  type DiskLimitEnforcement,
  EGRESS_MODES,
  EGRESS_SETS,
  type EgressMode,
  type EgressRule,
  type EgressSet,
  FIXED_AT_CREATION,
  type FixedAtCreation,
  type JobError,
  type JobName,
  type JobState,
  type Mode,
  MODES,
  PROVISIONING,
  type Provisioning,
  REPO_TYPES,
  type RepoType,
  type StatusReason,
  type Template,
  TEMPLATES,
} from '../../persistence/types.js';
import { AgentDto } from '../../agent-state/agent.dto.js';
import { EgressRuleDto } from '../../egress/egress.dto.js';
import { ScheduleViewDto } from './schedule.dto.js';
import { MetricsDto } from '../../usage/metrics.dto.js';

const nullable = { nullable: true } as const;
const reasonSchema = {
  type: 'object',
  properties: { code: { type: 'string' }, message: { type: 'string' } },
  nullable: true,
} as const;

/** The provisioning of a container until it runs, clone included. */
export class JobDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({
    enum: ['create', 'clone'],
    description: 'create. Before 0.2.0 the clone of a repository was a job of its own, called clone.',
  })
  name: JobName;
  @ApiProperty({ format: 'uuid' }) containerId: string;
  @ApiProperty({ enum: ['queued', 'active', 'completed', 'failed'] }) state: JobState;
  @ApiProperty({
    type: String,
    ...nullable,
    description:
      'image, network, git-agent, container, start; with a repository or a set-up resume, clone and setup follow. null while it waits.',
  })
  step: string | null;
  @ApiProperty({ description: 'Percentage of the whole job, up to the running container.' }) progress: number;
  @ApiProperty({
    type: String,
    ...nullable,
    description: 'Latest line of output of the step: of git, the set-up, or the image build.',
  })
  message: string | null;
  @ApiProperty({ description: 'Number of starts.' }) attempts: number;
  @ApiProperty({
    type: 'object',
    properties: {
      code: { type: 'string' },
      message: { type: 'string' },
      retryable: { type: 'boolean' },
      output: { type: 'array', items: { type: 'string' } },
    },
    nullable: true,
  })
  error: JobError | null;
}

/** Use of VS Code in a container. */
export class EditorDto {
  @ApiProperty({
    type: String,
    format: 'date-time',
    ...nullable,
    description: 'Last activity of a user.',
  })
  lastSeenAt: string | null;
}

/** A credential of a container, by its name. */
export class NamedCredentialDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty() name: string;
  @ApiProperty({ enum: CREDENTIAL_KINDS }) kind: CredentialKind;
}

/** A dev container as the API shows it. It never contains secrets. */
export class ContainerDto {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty() name: string;
  @ApiProperty({ format: 'uuid' }) projectId: string;
  @ApiProperty({ enum: TEMPLATES }) template: Template;
  @ApiProperty({ enum: MODES }) mode: Mode;
  @ApiProperty({ enum: REPO_TYPES }) repoType: RepoType;
  @ApiProperty({ type: String, ...nullable }) repoUrl: string | null;
  @ApiProperty({ type: String, ...nullable }) repoBranch: string | null;
  @ApiProperty({ type: 'integer', ...nullable, description: 'Commits that are cloned; null for all.' })
  depth: number | null;
  @ApiProperty({ description: 'Submodules are cloned as well.' }) submodules: boolean;
  @ApiProperty({ description: 'Files of Git LFS are fetched as well.' }) lfs: boolean;
  @ApiProperty({ type: String, ...nullable, description: 'The command that prepares the workspace.' })
  setup: string | null;
  @ApiProperty({ type: String, ...nullable, description: 'null: the server’s default.' }) gitName: string | null;
  @ApiProperty({ type: String, ...nullable, description: 'null: the server’s default.' }) gitEmail: string | null;
  @ApiProperty({ type: [NamedCredentialDto], description: 'What it may use; without those that are gone.' })
  credentials: NamedCredentialDto[];
  @ApiProperty({ enum: EGRESS_MODES, description: 'What it may reach.' }) egress: EgressMode;
  @ApiProperty({ type: [EgressRuleDto], description: 'Rules for the mode restricted.' }) egressAllow: EgressRule[];
  @ApiProperty({ enum: EGRESS_SETS, isArray: true, description: 'Sets of rules for the mode restricted.' })
  egressSets: EgressSet[];
  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'US dollars that it may spend on models; null for no budget.',
  })
  budgetUsd: number | null;
  @ApiProperty({ description: 'Cores.' }) cpuLimit: number;
  @ApiProperty({ description: 'MiB.' }) memoryLimit: number;
  @ApiProperty({ description: 'MiB.' }) diskLimit: number;
  @ApiProperty({ type: 'integer', ...nullable, description: 'Minutes without activity until it is stopped.' })
  idleStopMinutes: number | null;
  @ApiProperty({ type: 'integer', ...nullable, description: 'Minutes from its start until it is stopped.' })
  ttlMinutes: number | null;
  @ApiProperty({
    type: 'integer',
    ...nullable,
    description: 'Minutes that its agent may wait for a person until it is stopped.',
  })
  waitingStopMinutes: number | null;
  @ApiProperty({ type: ScheduleViewDto, ...nullable, description: 'When it is started and stopped.' })
  schedule: ScheduleViewDto | null;
  @ApiProperty({
    enum: ['hard', 'soft'],
    description:
      'hard: the engine refuses further writes. soft: usage is measured, and the container is stopped at the limit.',
  })
  diskLimitEnforced: DiskLimitEnforcement;
  @ApiProperty({
    type: String,
    format: 'uuid',
    ...nullable,
    description: 'Id of the kept volume that it was created with; null for a volume of its own.',
  })
  volume: string | null;
  @ApiProperty({ type: String, format: 'uuid', ...nullable, description: 'Id of the snapshot that it began with.' })
  fromSnapshot: string | null;
  @ApiProperty({ type: String, format: 'uuid', ...nullable, description: 'Id of the container that it is a copy of.' })
  forkedFrom: string | null;
  @ApiProperty({
    enum: FIXED_AT_CREATION,
    isArray: true,
    description: 'Changed values that take effect when the container is rebuilt; of the name, its host name inside.',
  })
  pendingChanges: FixedAtCreation[];
  @ApiProperty({
    enum: PROVISIONING,
    description: 'warm: it was given a workspace that ran already (WARM_POOL); cold: the workspace was created for it.',
  })
  provisioning: Provisioning;
  @ApiProperty({ enum: CONTAINER_STATUSES }) status: ContainerStatus;
  @ApiProperty(reasonSchema) statusReason: StatusReason | null;
  @ApiProperty({ type: String, ...nullable }) dockerId: string | null;
  @ApiProperty({
    type: String,
    ...nullable,
    description: 'The image that was asked for; null for the one of the template.',
  })
  imageReference: string | null;
  @ApiProperty({ type: [String], description: 'Packages of its distribution that its image has beside what it needs.' })
  packages: string[];
  @ApiProperty({ type: String, ...nullable, description: 'What its workspace runs; null until that is built.' })
  image: string | null;
  @ApiProperty({ type: String, ...nullable, description: 'Address of VS Code; POST …/editor signs a browser in.' })
  editorUrl: string | null;
  @ApiProperty({ type: EditorDto, ...nullable, description: 'Use of VS Code; null with the template claude.' })
  editor: EditorDto | null;
  @ApiProperty({
    type: AgentDto,
    ...nullable,
    description: 'null while unknown, such as right after the start. The state is none where no agent can run.',
  })
  agent: AgentDto | null;
  @ApiProperty({
    type: String,
    format: 'date-time',
    ...nullable,
    description:
      'While its agent waits for a person: when it is stopped unless somebody answers or uses it; null without waitingStopMinutes.',
  })
  waitingStopAt: string | null;
  @ApiProperty({
    type: String,
    format: 'date-time',
    ...nullable,
    description: 'When something last happened in it, to half a minute.',
  })
  lastActivityAt: string | null;
  @ApiProperty({ enum: ACTIVITIES, type: String, ...nullable, description: 'What that was.' })
  activity: Activity | null;
  @ApiProperty({ type: JobDto, ...nullable }) job: JobDto | null;
  @ApiProperty({
    type: MetricsDto,
    required: false,
    ...nullable,
    description: 'Only with includeMetrics; null unless the container runs.',
  })
  metrics?: MetricsDto | null;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
  @ApiProperty({ format: 'date-time' }) updatedAt: string;
  @ApiProperty({ type: String, format: 'date-time', ...nullable }) startedAt: string | null;
}

export class ContainerPageDto {
  @ApiProperty({ type: [ContainerDto] }) items: ContainerDto[];
  @ApiProperty({ type: String, ...nullable, description: 'Value of cursor for the next page.' }) nextCursor:
    string | null;
}
