import { IsString, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';

export class SubscribeStatusDto {
  /** The id or the name; all containers of the owner without it. */
  @MayBeAbsent()
  @IsString()
  @MaxLength(128)
  containerId?: string;
}
