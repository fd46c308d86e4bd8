import { ApiProperty } from '@nestjs/swagger';

export const FILE_TYPES = ['file', 'directory', 'symlink', 'fifo', 'socket', 'device'] as const;
export type FileType = (typeof FILE_TYPES)[number];

class FileStatusDto {
  @ApiProperty({ enum: FILE_TYPES })
  type: FileType;

  @ApiProperty({ type: 'integer', description: 'Bytes' })
  size: number;

  @ApiProperty({ format: 'date-time' })
  modifiedAt: string;

  @ApiProperty({ example: '0644', description: 'Permissions, in octal' })
  mode: string;
}

export class ListedFileDto extends FileStatusDto {
  @ApiProperty({
    description:
      'Bytes that are not UTF-8 show as U+FFFD; such a file cannot be requested by name, but a tar contains it',
  })
  name: string;

  @ApiProperty({ required: false, description: 'The target of a symlink, as stored in it' })
  target?: string;
}

export class DirectoryDto {
  @ApiProperty({ description: 'Relative to /workspace' })
  path: string;

  @ApiProperty({ type: [ListedFileDto], description: 'Ordered by name' })
  entries: ListedFileDto[];
}

export class WrittenFileDto extends FileStatusDto {
  @ApiProperty({ description: 'Relative to /workspace' })
  path: string;
}

export class UnpackedDto {
  @ApiProperty({ description: 'Relative to /workspace' })
  path: string;

  @ApiProperty({ type: 'integer', description: 'Files, directories and links in the archive' })
  entries: number;

  @ApiProperty({ type: 'integer', description: 'Bytes of the files in the archive' })
  bytes: number;
}
