import { IsString, MaxLength, ValidateIf } from 'class-validator';

export class SubscribeStatusDto {
  /** The id or the name; all containers of the owner without it. */
  @ValidateIf((dto: SubscribeStatusDto) => dto.containerId !== undefined)
  @IsString()
  @MaxLength(128)
  containerId?: string;
}
