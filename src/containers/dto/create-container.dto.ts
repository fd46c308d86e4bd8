import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateIf,
} from 'class-validator';
import { IsId } from '../../http/validation/is-id.js';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';
import { IsProjectId } from '../../auth/is-project-id.js';
import {
  EgressAllowProperty,
  EgressModeProperty,
  type EgressRuleDto,
  EgressSetsProperty,
} from '../../egress/egress.dto.js';
import { GIT_EMAIL, GIT_NAME } from '../../common/git-identity.js';
import { DEFAULT_LIMITS, LIMITS } from '../../common/limits.js';
import {
  type EgressMode,
  type EgressSet,
  MODES,
  type Mode,
  REPO_TYPES,
  type RepoType,
  type Template,
  TEMPLATES,
} from '../../persistence/types.js';
import { BudgetProperty } from './rules/budget.js';
import { ContainerCredentialIds } from './rules/credential-ids.js';
import { IsContainerName } from './rules/container-name.js';
import { IsEnvMap } from './rules/env-map.js';
import { IsForbiddenUnless } from './rules/forbidden-unless.js';
import { IsGitBranch } from './rules/git-branch.js';
import { IsGitUrl } from './rules/git-url.js';
import { ScheduleDto, ScheduleProperty } from './schedule.dto.js';
import { ImageProperty } from './rules/image.js';
import { PackagesProperty } from './rules/packages.js';
import { StopAfterMinutes } from './rules/stop-after-minutes.js';

const MAX_DEPTH = 1_000_000;
/** In characters. */
const MAX_SETUP = 16_384;

const CloneFlag = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiProperty({ required: false, default: false, description }),
    MayBeAbsent(),
    IsForbiddenUnless((dto: CreateContainerDto) => dto.repoType === 'clone', 'is only allowed with repoType clone'),
    IsBoolean(),
  );

/** The request for a new container. */
export class CreateContainerDto {
  @ApiProperty({
    description: 'A unique DNS label that does not have the form of an id.',
    minLength: 1,
    maxLength: 63,
    example: 'my-dev-container',
    pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  })
  @IsContainerName()
  name: string;

  @ApiProperty({
    required: false,
    format: 'uuid',
    description: 'The id of the project that it belongs to: by default the only one of the caller, or "default".',
  })
  @MayBeAbsent()
  @IsProjectId()
  projectId?: string;

  @ApiProperty({ enum: TEMPLATES, description: 'Installed programs: Claude Code, VS Code, or both.' })
  @IsIn(TEMPLATES)
  template: Template;

  @ImageProperty(
    'The image to work in instead of the one of the template, whose programs are laid over it: Debian, Ubuntu, Fedora or another one with glibc 2.26 or newer, for the processor of the engine. It is pulled when the engine does not have it. Which ones are allowed is a setting (ALLOWED_IMAGES).',
  )
  image?: string;

  @PackagesProperty(
    'Names of packages of its distribution, such as postgresql-client, that the package manager of the image installs when the image is made; apt also takes name=version.',
  )
  packages?: string[];

  @ApiProperty({
    enum: MODES,
    required: false,
    default: 'interactive',
    description: 'Used by a person, or driven by instructions.',
  })
  @IsIn(MODES)
  mode: Mode = 'interactive';

  @ApiProperty({
    enum: REPO_TYPES,
    required: false,
    default: 'empty',
    description: 'An empty workspace, or a clone of repoUrl.',
  })
  @IsIn(REPO_TYPES)
  repoType: RepoType = 'empty';

  @ApiProperty({
    required: false,
    example: 'git@example.org:user/repo.git',
    description:
      'https://, ssh:// or user@host:path, without password, query and fragment; required with repoType clone, and refused without.',
  })
  @ValidateIf((dto: CreateContainerDto) => dto.repoType === 'clone' || dto.repoUrl !== undefined)
  @IsForbiddenUnless((dto: CreateContainerDto) => dto.repoType === 'clone', 'is only allowed with repoType clone')
  @IsGitUrl()
  repoUrl?: string;

  @ApiProperty({
    required: false,
    example: 'main',
    description:
      "A branch, a tag or a commit (7 to 64 hexadecimal digits), only with repoType clone; the repository's own default without it.",
  })
  @MayBeAbsent()
  @IsForbiddenUnless((dto: CreateContainerDto) => dto.repoType === 'clone', 'is only allowed with repoType clone')
  @IsGitBranch()
  repoBranch?: string;

  @ApiProperty({
    type: 'integer',
    required: false,
    minimum: 1,
    maximum: MAX_DEPTH,
    description: 'How many commits of the history are cloned, only with repoType clone; all of them by default.',
  })
  @MayBeAbsent()
  @IsForbiddenUnless((dto: CreateContainerDto) => dto.repoType === 'clone', 'is only allowed with repoType clone')
  @IsInt()
  @Min(1)
  @Max(MAX_DEPTH)
  depth?: number;

  @CloneFlag('Clones the submodules of the repository as well, only with repoType clone.')
  submodules?: boolean;

  @CloneFlag('Fetches the files of Git LFS, only with repoType clone; the package git-lfs is installed for it.')
  lfs?: boolean;

  @ApiProperty({
    required: false,
    minLength: 1,
    maxLength: MAX_SETUP,
    example: 'npm ci',
    description:
      'A command for bash that prepares the workspace: it runs in /workspace after the clone, before the container is running, and its output is in the log. When it fails the container is failed, and start runs it again.',
  })
  @MayBeAbsent()
  @IsString()
  @MinLength(1)
  @MaxLength(MAX_SETUP)
  @Matches(/^[^\0]*$/, { message: 'setup must not contain NUL' })
  setup?: string;

  @ApiProperty({
    required: false,
    minLength: 1,
    maxLength: 1024,
    example: '~/.ssh/id_ed25519',
    description:
      'Path of a private key on the server, inside SSH_KEYS_DIR; for administrators alone. Everybody else names a credential of the kind `ssh_key`. The key is never copied into the container.',
  })
  @MayBeAbsent()
  @IsString()
  @MinLength(1)
  @MaxLength(1024)
  sshKeyPath?: string;

  @ContainerCredentialIds('Ids of credentials that it may use: one ssh_key, or sshKeyPath, and one for Claude Code.')
  credentials?: string[];

  @ApiProperty({
    required: false,
    example: 'Ada Lovelace',
    description:
      'Name of the author of commits, where neither the repository nor the user configures one; by default GIT_NAME of the server.',
  })
  @MayBeAbsent()
  @Matches(GIT_NAME, { message: 'gitName must be a name that git accepts: one line without < and >' })
  gitName?: string;

  @ApiProperty({
    required: false,
    example: 'ada@example.org',
    description: 'Address of the author of commits, as gitName; by default GIT_EMAIL of the server.',
  })
  @MayBeAbsent()
  @Matches(GIT_EMAIL, { message: 'gitEmail must be an e-mail address' })
  gitEmail?: string;

  @BudgetProperty(
    'US dollars that it may spend on models in all; none by default. Kept by the egress gateway, so only what it counts.',
  )
  budgetUsd?: number | null;

  @EgressModeProperty(
    'What it may reach. open: everything; restricted: what the rules name; none: nothing but the API of the model with a stored credential. By default as the server says for the mode (restricted for autonomous and open for interactive, unless its settings differ), or restricted where the project forbids open.',
  )
  egress?: EgressMode;

  @EgressAllowProperty('What it may reach in the mode restricted, beside the sets.')
  egressAllow?: EgressRuleDto[];

  @EgressSetsProperty(
    'Sets of rules for the mode restricted: git is the host of repoUrl, model that of the model API, packages those of the package managers in the image. git and model by default.',
  )
  egressSets?: EgressSet[];

  @ApiProperty({
    type: Number,
    required: false,
    default: 2,
    minimum: LIMITS.cpuLimit.min,
    maximum: LIMITS.cpuLimit.max,
    description: 'Cores, with three decimal places at most; GET /api/info has the limits of this machine.',
  })
  @IsNumber({ allowNaN: false, allowInfinity: false, maxDecimalPlaces: 3 })
  @Min(LIMITS.cpuLimit.min)
  @Max(LIMITS.cpuLimit.max)
  cpuLimit: number = DEFAULT_LIMITS.cpuLimit;

  @ApiProperty({
    type: 'integer',
    required: false,
    default: 2048,
    minimum: LIMITS.memoryLimit.min,
    maximum: LIMITS.memoryLimit.max,
    description: 'Memory in MiB.',
  })
  @IsInt()
  @Min(LIMITS.memoryLimit.min)
  @Max(LIMITS.memoryLimit.max)
  memoryLimit: number = DEFAULT_LIMITS.memoryLimit;

  @ApiProperty({
    type: 'integer',
    required: false,
    default: 10240,
    minimum: LIMITS.diskLimit.min,
    maximum: LIMITS.diskLimit.max,
    description: 'Disk space in MiB, for everything that the container can write to.',
  })
  @IsInt()
  @Min(LIMITS.diskLimit.min)
  @Max(LIMITS.diskLimit.max)
  diskLimit: number = DEFAULT_LIMITS.diskLimit;

  @StopAfterMinutes(
    'The container is stopped when nothing has happened in it for so many minutes, and starts again when it is used: by a command, a terminal, a file, an instruction, VS Code or a port. null for never. By default as the server says.',
  )
  idleStopMinutes?: number | null;

  @StopAfterMinutes('The container is stopped so many minutes after its start, whatever happens in it. null for never.')
  ttlMinutes?: number | null;

  @StopAfterMinutes(
    'The container is stopped when its agent has waited so many minutes for a person and nothing else has happened. null for never, as by default.',
  )
  waitingStopMinutes?: number | null;

  @ScheduleProperty('When it is started and stopped, whatever else stops it; null for never, as by default.')
  schedule?: ScheduleDto | null;

  @ApiProperty({
    required: false,
    maxLength: 128,
    example: 'devforge-123e4567-e89b-42d3-a456-426614174000-workspace',
    description: 'Id or name of a kept volume, whose files become those of this container; only with repoType empty.',
  })
  @MayBeAbsent()
  @IsForbiddenUnless((dto: CreateContainerDto) => dto.repoType === 'empty', 'is only allowed with repoType empty')
  @IsString()
  @MaxLength(128)
  volume?: string;

  @ApiProperty({
    required: false,
    format: 'uuid',
    description:
      'Id of a snapshot of the project, whose files it begins with; only with the template of the snapshot and repoType empty. The repository is that of the snapshot.',
  })
  @MayBeAbsent()
  @IsForbiddenUnless(
    (dto: CreateContainerDto) => dto.repoType === 'empty' && dto.volume === undefined && dto.setup === undefined,
    'is only allowed with repoType empty, and without volume and setup',
  )
  @IsId()
  fromSnapshot?: string;

  @ApiProperty({
    required: false,
    type: Object,
    additionalProperties: { type: 'string' },
    example: { FOO: 'bar' },
    description:
      'Environment of everything in the container. Names that take over the loader or git, and values with line breaks, are refused.',
  })
  @IsEnvMap()
  env: Record<string, string> = {};
}
