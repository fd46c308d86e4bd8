import { describe, expect, it } from '@jest/globals';
import { cronError, isTimeZone, latestOf, NEVER, nextOf, nextTime } from './schedule-times.js';

const BERLIN = 'Europe/Berlin';
const at = (text: string): Date => new Date(text);
const times = (expression: string, from: string, count: number): string[] => {
  const found: string[] = [];
  for (let time = at(from); found.length < count; found.push(time.toISOString().slice(0, 16)))
    time = nextTime(expression, BERLIN, time)!;
  return found;
};

describe('the times of a schedule', () => {
  it('follow the clocks of its time zone when they change', () => {
    expect(times('0 8 * * *', '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T06:00', '2026-03-30T06:00']);
    expect(times('0 8 * * *', '2026-03-27T12:00:00Z', 1)).toEqual(['2026-03-28T07:00']);
    expect(times('0 8 * * *', '2026-10-24T12:00:00Z', 1)).toEqual(['2026-10-25T07:00']);
  });

  it('include one that the clocks skip, at the end of the gap, and once one that they repeat', () => {
    expect(times('30 2 * * *', '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00', '2026-03-30T00:30']);
    expect(times('30 2 * * *', '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
  });

  it('may be to the second', () => {
    expect(nextTime('*/20 * * * * *', 'UTC', at('2026-01-01T00:00:20Z'))).toEqual(at('2026-01-01T00:00:40Z'));
  });

  it('are the next ones after any time, earlier ones included', () => {
    expect(times('0 8 * * *', '2026-01-02T12:00:00Z', 1)).toEqual(['2026-01-03T07:00']);
    expect(times('0 8 * * *', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-01T07:00']);
    expect(times('0 8 * * *', '2026-01-02T13:00:00Z', 1)).toEqual(['2026-01-03T07:00']);
  });
});

describe('a schedule', () => {
  const office = { start: '0 8 * * mon-fri', stop: '0 19 * * *', timeZone: BERLIN };

  it('asks next for what comes first', () => {
    expect(nextOf(office, at('2026-01-02T12:00:00Z'))).toEqual(at('2026-01-02T18:00:00Z'));
    expect(nextOf({ ...office, stop: null }, at('2026-01-02T12:00:00Z'))).toEqual(at('2026-01-05T07:00:00Z'));
    expect(nextOf({ ...office, start: null, stop: null }, at('2026-01-02T12:00:00Z'))).toEqual(NEVER);
  });

  it.each([
    ['2026-01-05T06:59:59Z', 'stop'],
    ['2026-01-05T07:00:00Z', 'start'],
    ['2026-01-05T17:59:59Z', 'start'],
    ['2026-01-05T18:00:00Z', 'stop'],
    ['2026-01-10T12:00:00Z', 'stop'],
  ])('has at %s last asked for a %s', (until, action) => {
    expect(latestOf(office, at(until))).toBe(action);
  });

  it('asks for a start where it asks for both at once', () => {
    expect(latestOf({ start: '0 8 * * *', stop: '0 8 * * *', timeZone: 'UTC' }, at('2026-01-05T08:00:00Z'))).toBe(
      'start',
    );
  });
});

describe('a cron expression', () => {
  it.each(['0 8 * * *', '0 8 * * mon-fri', '*/30 0 8 * * *', '@daily', '0 0 L * *', ' 0  8 * * 1 '])(
    'may be %j',
    (expression) => expect(cronError(expression, BERLIN)).toBeUndefined(),
  );

  it.each([
    ["8 o'clock", /^must be a cron expression/],
    ['2027-01-23T00:00:00', /^must be a cron expression/],
    ['* * * *', /^must be a cron expression/],
    ['* * * * * * *', /^must be a cron expression/],
    [`${'0,'.repeat(50)}0 8 * * *`, /^must be a cron expression/],
    [8, /^must be a cron expression/],
    ['0 25 * * *', /^is not a cron expression: Invalid value for hour: 25$/],
    ['@reboot', /^is not a cron expression/],
    ['0 0 30 2 *', /^never comes$/],
  ])('must not be %j', (expression, error) => expect(cronError(expression, BERLIN)).toMatch(error));
});

describe('isTimeZone', () => {
  it.each([
    ['Europe/Berlin', true],
    ['UTC', true],
    ['Mars/Olympus', false],
    ['+02:00', false],
    ['', false],
    [null, false],
  ])('says of %j: %j', (name, known) => expect(isTimeZone(name)).toBe(known));
});
