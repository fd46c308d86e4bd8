import { Cron } from 'croner';
import type { Schedule } from '../../persistence/types.js';

/** What a schedule asks for. */
export type ScheduledAction = 'start' | 'stop';

/** Later than any time that a schedule names. */
export const NEVER = new Date('9999-12-31T00:00:00.000Z');

const FIELDS = /^(?:@[a-z]+|\S+(?:\s+\S+){4,5})$/;
const MAX_LENGTH = 100;
const MAX_KNOWN = 500;
/** The next time of an expression, until it has come: finding it takes a while. */
const known = new Map<string, { from: Date; next: Date | null }>();

/** Why a cron expression is refused, or undefined. */
export function cronError(expression: unknown, timeZone: string): string | undefined {
  if (typeof expression !== 'string' || expression.length > MAX_LENGTH || !FIELDS.test(expression.trim()))
    return 'must be a cron expression: minute, hour, day of the month, month and day of the week, as "0 8 * * mon-fri"';
  try {
    return cronOf(expression, timeZone).nextRun() === null ? 'never comes' : undefined;
  } catch (error) {
    return `is not a cron expression: ${(error as Error).message.replace(/^CronPattern: /, '')}`;
  }
}

/** Whether it names a time zone, as `Europe/Berlin`. */
export function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string' || !/^[A-Za-z]/.test(value)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** When an expression comes next after a time. A time that the clocks skip comes at the end of the gap, one that they repeat comes once. */
export function nextTime(expression: string | null, timeZone: string, after: Date): Date | null {
  if (expression === null) return null;
  const key = `${timeZone} ${expression}`;
  const found = known.get(key);
  if (found !== undefined && found.from <= after && (found.next === null || after < found.next)) return found.next;
  const next = cronOf(expression, timeZone).nextRun(after);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, { from: after, next });
  return next;
}

/** When a schedule asks for something next; {@link NEVER} when it does not any more. */
export function nextOf({ start, stop, timeZone }: Schedule, after: Date): Date {
  const times = [start, stop].map((expression) => nextTime(expression, timeZone, after) ?? NEVER);
  return new Date(Math.min(...times.map((time) => time.getTime())));
}

/** What a schedule last asked for, up to and including a time; of both at once, a start. Whatever came before has no effect any more. */
export function latestOf({ start, stop, timeZone }: Schedule, until: Date): ScheduledAction | null {
  const [started, stopped] = [start, stop].map((expression) => latestTime(expression, timeZone, until));
  if (started === undefined) return stopped === undefined ? null : 'stop';
  return stopped === undefined || started >= stopped ? 'start' : 'stop';
}

function latestTime(expression: string | null, timeZone: string, until: Date): Date | undefined {
  return expression === null
    ? undefined
    : cronOf(expression, timeZone).previousRuns(1, new Date(until.getTime() + 1))[0];
}

function cronOf(expression: string, timezone: string): Cron {
  return new Cron(expression.trim(), { timezone, mode: '5-or-6-parts' });
}
