import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';

export class UnsubscribeMetricsDto {
  /** The id or the name. */
  @IsString()
  @MaxLength(128)
  containerId: string;
}

export class SubscribeMetricsDto extends UnsubscribeMetricsDto {
  /** Time between two updates, in milliseconds. */
  @IsInt()
  @Min(500)
  @Max(60_000)
  interval = 2_000;
}
