import { describe, expect, it } from '@jest/globals';
import { scheduleError, scheduleView, toSchedule } from './schedule.dto.js';

describe('a schedule in a request', () => {
  it.each([
    [{ start: '0 8 * * *' }],
    [{ stop: '0 19 * * *', timeZone: 'America/New_York' }],
    [{ start: '0 8 * * *', stop: null }],
  ])('may be %j', (value) => expect(scheduleError(value)).toBeUndefined());

  it.each<[unknown, string]>([
    ['0 8 * * *', 'must be an object with start, stop and timeZone'],
    [[], 'must be an object with start, stop and timeZone'],
    [{}, 'must have start, stop, or both; null for no schedule'],
    [{ begin: '0 8 * * *' }, 'must not have "begin"'],
    [{ start: '0 8 * * *', timeZone: 'Berlin' }, 'has a timeZone that is not known: names are as Europe/Berlin'],
    [{ start: '0 25 * * *' }, 'has a start that is not a cron expression: Invalid value for hour: 25'],
    [{ stop: '0 0 30 2 *' }, 'has a stop that never comes'],
  ])('must not be %j', (value, error) => expect(scheduleError(value)).toBe(error));

  it('is shown with what comes next', () => {
    const schedule = toSchedule({ stop: '0 19 * * *' });
    expect(scheduleView(schedule, new Date('2026-01-01T20:00:00Z'))).toEqual({
      start: null,
      stop: '0 19 * * *',
      timeZone: 'UTC',
      nextStart: null,
      nextStop: '2026-01-02T19:00:00.000Z',
    });
    expect(scheduleView(null, new Date())).toBeNull();
  });
});
