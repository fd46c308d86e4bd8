import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { IsOwnPath } from './return-path.js';

const MAX_PATH_LENGTH = 1_000;

export class OidcStartQuery {
  @ApiProperty({
    required: false,
    maxLength: MAX_PATH_LENGTH,
    example: '/sign-in',
    description: 'The path of DevForge where the browser goes on; `/sign-in` by default.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_PATH_LENGTH)
  @IsOwnPath()
  returnTo?: string;
}
