import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { stepsOf } from './event-steps.js';

interface Vector {
  event: unknown;
  steps: { title: string; text: string }[];
}

const folder = new URL('../../../', import.meta.url);
const vectors = JSON.parse(readFileSync(new URL('test/support/instructions/steps.json', folder), 'utf8')) as Vector[];
const runner = (await import(
  new URL('images/workspace/rootfs/usr/local/lib/devforge/instruction/steps.mjs', folder).href
)) as { stepsOf: typeof stepsOf };

describe.each([
  ['the server', stepsOf],
  ['the runner', runner.stepsOf],
])('the steps of an event, as %s reads them,', (_, read) => {
  it.each(vectors)('are those of the vector of $event', ({ event, steps }) => {
    expect(read(event)).toEqual(steps);
  });
});
