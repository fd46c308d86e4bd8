import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';
import { LIMITS } from '../../common/limits.js';

/** In columns or rows. */
export const MAX_SIDE = 1_000;

export class TerminalReferenceDto {
  @IsString()
  @MaxLength(64)
  terminalId: string;
}

export class OpenTerminalDto {
  /** Id or name. */
  @IsString()
  @MaxLength(128)
  containerId: string;

  @IsInt()
  @Min(1)
  @Max(MAX_SIDE)
  cols: number;

  @IsInt()
  @Min(1)
  @Max(MAX_SIDE)
  rows: number;

  /** An existing terminal; without it a new one is started. */
  @MayBeAbsent()
  @IsString()
  @MaxLength(64)
  terminalId?: string;
}

export class TerminalInputDto extends TerminalReferenceDto {
  @IsString()
  @MaxLength(LIMITS.terminalInputCharacters)
  data: string;
}

export class ResizeTerminalDto extends TerminalReferenceDto {
  @IsInt()
  @Min(1)
  @Max(MAX_SIDE)
  cols: number;

  @IsInt()
  @Min(1)
  @Max(MAX_SIDE)
  rows: number;
}

/** A terminal of a container. */
export class TerminalDto {
  @ApiProperty({ format: 'uuid' }) terminalId: string;
  @ApiProperty() cols: number;
  @ApiProperty() rows: number;
  @ApiProperty({ description: 'As set by a program in the terminal; empty if none has.' }) title: string;
  @ApiProperty({ format: 'date-time' }) startedAt: string;
  @ApiProperty({ format: 'date-time', description: 'When it was opened, or last had input.' }) lastUsedAt: string;
  @ApiProperty({ description: 'Number of clients of this DevForge process that have it open.' }) clients: number;
}

export class TerminalListDto {
  @ApiProperty({ type: [TerminalDto] }) items: TerminalDto[];
}
