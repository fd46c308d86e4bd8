import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDate, IsIn, MinDate } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';
import { IsProjectId } from '../is-project-id.js';
import { PROJECT_ROLES, type ProjectRole } from '../../persistence/types.js';
import { IsDisplayName } from '../../http/validation/display-name.js';

export const API_KEY_EXAMPLES = {
  service: { summary: 'For a service that creates and drives containers', value: { name: 'nightly build' } },
  user: { summary: "A user's own, for a command line", value: { name: 'laptop' } },
  viewer: {
    summary: 'For a dashboard, until a date',
    value: { name: 'dashboard', role: 'viewer', expiresAt: '2099-12-31T00:00:00Z' },
  },
};

export class CreateApiKeyDto {
  @ApiProperty({ example: 'nightly build', description: 'What the key is for.' })
  @IsDisplayName(100)
  name: string;

  @ApiProperty({
    required: false,
    format: 'uuid',
    description:
      'The project that the key acts in, by its id (not its name). Without one, the key of a user acts as that user; that of anybody else in the only project of the caller, or in "default".',
  })
  @MayBeAbsent()
  @IsProjectId()
  projectId?: string;

  @ApiProperty({
    required: false,
    enum: PROJECT_ROLES,
    default: 'member',
    description:
      'viewer reads; member also creates and drives containers; owner also manages members and API keys. Only for keys of a project.',
  })
  @MayBeAbsent()
  @IsIn(PROJECT_ROLES)
  role?: ProjectRole;

  @ApiProperty({
    required: false,
    format: 'date-time',
    description:
      'Never, by default. What is made with an API key expires when that does, at the latest, and is revoked with it.',
  })
  @MayBeAbsent()
  @Type(() => Date)
  @IsDate()
  @MinDate(() => new Date(), { message: 'expiresAt must be in the future' })
  expiresAt?: Date;
}

export class ListApiKeysQuery {
  @ApiProperty({ required: false, format: 'uuid', description: 'Only the keys of this project.' })
  @MayBeAbsent()
  @IsProjectId()
  projectId?: string;
}

export class ApiKeyDto {
  @ApiProperty() id: string;
  @ApiProperty() name: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'null for the key of a user.' })
  projectId: string | null;
  @ApiProperty({ type: String, enum: PROJECT_ROLES, nullable: true, description: 'null for the key of a user.' })
  role: ProjectRole | null;
  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The user that the key acts as.' })
  userId: string | null;
  @ApiProperty({ description: 'Who made it: the id of a user, "key:" and the id of a key of a project, or "admin".' })
  createdBy: string;
  @ApiProperty({ format: 'date-time' }) createdAt: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) expiresAt: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'To within a few seconds.' })
  lastUsedAt: string | null;
}

export class NewApiKeyDto extends ApiKeyDto {
  @ApiProperty({ example: 'df_…', description: 'The bearer token. It is shown this once.' }) key: string;
}

export class ApiKeyListDto {
  @ApiProperty({ type: [ApiKeyDto] }) items: ApiKeyDto[];
}
