import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { buildMessage, ValidateBy, ValidateIf } from 'class-validator';
import type { Schedule } from '../../persistence/types.js';
import { cronError, isTimeZone, nextTime } from '../schedule/schedule-times.js';

const UTC = 'UTC';
const cron = (example: string, what: string) =>
  ({
    type: String,
    required: false,
    nullable: true,
    maxLength: 100,
    example,
    description: `When it is ${what}: minute, hour, day of the month, month, day of the week; with a field for seconds before them, if there are six.`,
  }) as const;

/** When a container is started and stopped. */
export class ScheduleDto {
  @ApiProperty(cron('0 8 * * mon-fri', 'started, if it is stopped')) start?: string | null;
  @ApiProperty(cron('0 19 * * *', 'stopped; it waits for instructions and for an agent at work')) stop?: string | null;
  @ApiProperty({
    required: false,
    default: UTC,
    example: 'Europe/Berlin',
    description: 'Of the times: a name of the IANA time zone database.',
  })
  timeZone?: string;
}

/** The schedule of a container, with what it asks for next. */
export class ScheduleViewDto {
  @ApiProperty({ type: String, nullable: true }) start: string | null;
  @ApiProperty({ type: String, nullable: true }) stop: string | null;
  @ApiProperty() timeZone: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) nextStart: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) nextStop: string | null;
}

/** Why a schedule is refused, or undefined. */
export function scheduleError(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'must be an object with start, stop and timeZone';
  const { start = null, stop = null, timeZone = UTC, ...others } = value as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined) return `must not have ${JSON.stringify(other.slice(0, 64))}`;
  if (start === null && stop === null) return 'must have start, stop, or both; null for no schedule';
  if (!isTimeZone(timeZone)) return 'has a timeZone that is not known: names are as Europe/Berlin';
  for (const [name, expression] of Object.entries({ start, stop })) {
    const error = expression === null ? undefined : cronError(expression, timeZone);
    if (error !== undefined) return `has a ${name} that ${error}`;
  }
  return undefined;
}

export function ScheduleProperty(description: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ type: ScheduleDto, required: false, nullable: true, description }),
    ValidateIf((_, value) => value !== undefined && value !== null),
    ValidateBy({
      name: 'isSchedule',
      validator: {
        validate: (value): boolean => scheduleError(value) === undefined,
        defaultMessage: buildMessage((each, args) => `${each}$property ${scheduleError(args?.value)}`),
      },
    }),
  );
}

export function toSchedule(dto: ScheduleDto | null): Schedule | null {
  return dto === null ? null : { start: dto.start ?? null, stop: dto.stop ?? null, timeZone: dto.timeZone ?? UTC };
}

export function scheduleView(schedule: Schedule | null, now: Date): ScheduleViewDto | null {
  if (schedule === null) return null;
  const { start, stop, timeZone } = schedule;
  const next = (expression: string | null) => nextTime(expression, timeZone, now)?.toISOString() ?? null;
  return { start, stop, timeZone, nextStart: next(start), nextStop: next(stop) };
}
