import { IsIn, IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { MayBeAbsent } from '../../http/validation/may-be-absent.js';
import { MAX_TAIL } from '../log-hub.js';
import type { StreamFilter } from '../log-subscription.js';

export class UnsubscribeLogsDto {
  /** The id or the name. */
  @IsString()
  @MaxLength(128)
  containerId: string;
}

export class SubscribeLogsDto extends UnsubscribeLogsDto {
  @IsInt()
  @Min(0)
  @Max(MAX_TAIL)
  tail = 200;

  @IsIn(['all', 'stdout', 'stderr'])
  stream: StreamFilter = 'all';

  @MayBeAbsent()
  @IsString()
  @MaxLength(32)
  source?: string;
}
