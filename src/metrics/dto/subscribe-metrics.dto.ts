import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';

export class UnsubscribeMetricsDto {
  /** The id or the name. */
  @IsString()
  @MaxLength(128)
  containerId: string;
}

export class SubscribeMetricsDto extends UnsubscribeMetricsDto {
  /** Milliseconds. */
  @IsInt()
  @Min(500)
  @Max(60_000)
  interval = 2_000;
}
