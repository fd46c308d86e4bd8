import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, Max, MaxLength, Min, ValidateIf } from 'class-validator';

/** Columns or rows. */
export const LARGEST_SIDE = 1_000;
/** Characters. In the worst case each takes six bytes of a message, which is to stay below what a connection carries. */
const LONGEST_INPUT = 16 * 1024;

export class TerminalReferenceDto {
  @IsString()
  @MaxLength(64)
  terminalId: string;
}

export class OpenTerminalDto {
  /** The id or the name. */
  @IsString()
  @MaxLength(128)
  containerId: string;

  @IsInt()
  @Min(1)
  @Max(LARGEST_SIDE)
  cols: number;

  @IsInt()
  @Min(1)
  @Max(LARGEST_SIDE)
  rows: number;

  /** One that is there; without it a new one is started. */
  @ValidateIf((dto: OpenTerminalDto) => dto.terminalId !== undefined)
  @IsString()
  @MaxLength(64)
  terminalId?: string;
}

export class TerminalInputDto extends TerminalReferenceDto {
  @IsString()
  @MaxLength(LONGEST_INPUT)
  data: string;
}

export class ResizeTerminalDto extends TerminalReferenceDto {
  @IsInt()
  @Min(1)
  @Max(LARGEST_SIDE)
  cols: number;

  @IsInt()
  @Min(1)
  @Max(LARGEST_SIDE)
  rows: number;
}

/** A terminal of a container. */
export class TerminalDto {
  @ApiProperty({ format: 'uuid' }) terminalId: string;
  @ApiProperty() cols: number;
  @ApiProperty() rows: number;
  @ApiProperty({ description: 'As a program in it has set it; empty without one.' }) title: string;
  @ApiProperty({ format: 'date-time' }) startedAt: string;
  @ApiProperty({ format: 'date-time', description: 'When it was opened, or something was typed.' }) lastUsedAt: string;
  @ApiProperty({ description: 'How many connections to this DevForge have it open.' }) clients: number;
}

export class TerminalListDto {
  @ApiProperty({ type: [TerminalDto] }) items: TerminalDto[];
}
