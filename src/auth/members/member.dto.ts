import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { PROJECT_ROLES, type ProjectRole } from '../../persistence/types.js';

export const PUT_MEMBER_EXAMPLES = {
  member: { summary: 'Who creates and drives containers', value: { role: 'member' } },
};

export class PutMemberDto {
  @ApiProperty({
    enum: PROJECT_ROLES,
    description: 'viewer reads; member also creates and drives containers; owner also manages members and API keys.',
  })
  @IsIn(PROJECT_ROLES)
  role: ProjectRole;
}

export class MemberDto {
  @ApiProperty({ format: 'uuid' }) userId: string;
  @ApiProperty({ enum: PROJECT_ROLES }) role: ProjectRole;
  @ApiProperty({ format: 'date-time', description: 'When the user was added.' }) createdAt: string;
}

export class NamedMemberDto extends MemberDto {
  @ApiProperty() email: string;
  @ApiProperty() name: string;
}

export class MemberListDto {
  @ApiProperty({ type: [NamedMemberDto] }) items: NamedMemberDto[];
}
