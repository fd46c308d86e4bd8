import { describe, expect, it } from '@jest/globals';
import { CONTAINER_STATUSES, type ContainerStatus } from '../../persistence/types.js';
import { NEXT, PROVISIONING, statusesBefore } from './state-table.js';

/** Every step there is. Anything that is not here is refused. */
const STEPS: [from: ContainerStatus, to: ContainerStatus, why: string][] = [
  ['queued', 'creating', 'a worker begins'],
  ['creating', 'starting', 'the container is made'],
  ['starting', 'cloning', 'a repository is to be cloned'],
  ['starting', 'running', 'nothing is to be cloned'],
  ['cloning', 'running', 'the repository is there'],
  ['running', 'stopping', 'a client stops it'],
  ['stopping', 'stopped', 'it has ended'],
  ['stopping', 'running', 'the stop was cut off'],
  ['stopped', 'starting', 'a client starts it'],
  ['running', 'starting', 'the engine went down under it'],

  ['creating', 'queued', 'the job begins anew'],
  ['starting', 'queued', 'the container vanished while it was started'],
  ['cloning', 'queued', 'the job was lost'],
  ['running', 'queued', 'the container vanished while it was restarted'],
  ['stopped', 'queued', 'it never got its repository'],
  ['failed', 'queued', 'a client tries again'],
  ['missing', 'queued', 'a client makes it again'],
  ['starting', 'creating', 'the job runs again from its first step'],
  ['cloning', 'creating', 'the job runs again from its first step'],
  ['cloning', 'starting', 'the job runs again'],

  ['starting', 'stopped', 'the start failed'],
  ['cloning', 'stopped', 'it ended meanwhile'],
  ['running', 'stopped', 'it ended by itself'],
  ['stopped', 'running', 'somebody started it at the engine'],
  ['missing', 'running', 'it is there again'],
  ['missing', 'stopped', 'it is there again'],
  ['starting', 'missing', 'it vanished'],
  ['cloning', 'missing', 'it vanished'],
  ['running', 'missing', 'it vanished'],
  ['stopping', 'missing', 'it vanished'],
  ['stopped', 'missing', 'it vanished'],

  ...(['queued', 'creating', 'starting', 'cloning', 'running', 'stopping', 'stopped'] as const).map(
    (from): [ContainerStatus, ContainerStatus, string] => [from, 'failed', 'it cannot go on'],
  ),
  ...CONTAINER_STATUSES.filter((status) => status !== 'deleting').map(
    (from): [ContainerStatus, ContainerStatus, string] => [from, 'deleting', 'a client removes it'],
  ),
];

const pairs = CONTAINER_STATUSES.flatMap((from) =>
  CONTAINER_STATUSES.map((to): [ContainerStatus, ContainerStatus] => [from, to]),
);

describe('the state table', () => {
  it('has an entry for every status and no other', () => {
    expect(Object.keys(NEXT).toSorted()).toEqual([...CONTAINER_STATUSES].toSorted());
  });

  it.each(pairs)('decides whether %s may become %s', (from, to) => {
    expect(NEXT[from].includes(to)).toBe(STEPS.some(([before, after]) => before === from && after === to));
  });

  it.each(CONTAINER_STATUSES)('finds the statuses before %s, itself included', (to) => {
    const expected = CONTAINER_STATUSES.filter(
      (from) => from === to || STEPS.some(([before, after]) => before === from && after === to),
    );
    expect(statusesBefore(to).toSorted()).toEqual(expected.toSorted());
  });

  it('allows nothing after deleting', () => {
    expect(NEXT.deleting).toEqual([]);
  });

  it('leads from every status except deleting to running', () => {
    const reachable = (from: ContainerStatus, seen = new Set<ContainerStatus>()): Set<ContainerStatus> => {
      for (const next of NEXT[from]) if (!seen.has(next)) reachable(next, seen.add(next));
      return seen;
    };
    for (const status of CONTAINER_STATUSES.filter((each) => each !== 'deleting'))
      expect(reachable(status)).toContain('running');
  });

  it('lists the statuses in which a job works', () => {
    expect(PROVISIONING).toEqual(['queued', 'creating', 'starting', 'cloning']);
  });
});
