import { ApiProperty } from '@nestjs/swagger';
import { MaxLength } from 'class-validator';
import { IsPlainText } from '../../http/validation/plain-text.js';

export class FilesQuery {
  @ApiProperty({
    type: String,
    required: false,
    default: '',
    maxLength: 4000,
    description: 'Relative to /workspace, or an absolute path in it; the workspace itself when omitted',
  })
  @IsPlainText()
  @MaxLength(4_000)
  path = '';
}
