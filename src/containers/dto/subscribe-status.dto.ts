import { IsString, MaxLength, ValidateIf } from 'class-validator';

export class SubscribeStatusDto {
  /** The id or the name; without it, all that the client may see. */
  @ValidateIf((dto: SubscribeStatusDto) => dto.containerId !== undefined)
  @IsString()
  @MaxLength(128)
  containerId?: string;
}
