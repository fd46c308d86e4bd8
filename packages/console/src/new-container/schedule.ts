/** What a form holds of a schedule. */
export interface ScheduleDraft {
  start: string;
  stop: string;
  timeZone: string;
}

export const NO_SCHEDULE: ScheduleDraft = {
  start: '',
  stop: '',
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
};

/** A schedule for the API; null for none. */
export function scheduleOf({ start, stop, timeZone }: ScheduleDraft) {
  const [startsAt, stopsAt] = [start.trim(), stop.trim()];
  if (startsAt === '' && stopsAt === '') return null;
  return {
    ...(startsAt !== '' && { start: startsAt }),
    ...(stopsAt !== '' && { stop: stopsAt }),
    ...(timeZone.trim() !== '' && { timeZone: timeZone.trim() }),
  };
}
