import { describe, expect, it } from '@jest/globals';
import type { Container, EgressDenial, Instruction } from '../api/types.ts';
import { inboxItems, type InboxSources } from './items.ts';

const container = (fields: Partial<Container> = {}): Container =>
  ({
    id: 'c1',
    name: 'web',
    status: 'running',
    statusReason: null,
    agent: null,
    egress: 'restricted',
    egressAllow: [],
    updatedAt: '2026-01-01T10:00:00.000Z',
    ...fields,
  }) as Container;
const instruction = (fields: Partial<Instruction>): Instruction =>
  ({
    id: 'i1',
    containerId: 'c1',
    status: 'running',
    statusReason: null,
    permissions: [],
    createdAt: '2026-01-01T09:00:00.000Z',
    finishedAt: null,
    ...fields,
  }) as Instruction;
const denial = (fields: Partial<EgressDenial> = {}): EgressDenial =>
  ({ seq: 1, at: '2026-01-01T09:30:00.000Z', host: 'example.org', port: 443, ...fields }) as EgressDenial;
const read = (sources: Partial<InboxSources>) =>
  inboxItems({
    containers: [container()],
    instructions: [],
    denials: new Map(),
    dismissed: new Set(),
    since: new Date('2026-01-01T00:00:00.000Z'),
    ...sources,
  });
const keysOf = (sources: Partial<InboxSources>) => read(sources).map(({ key }) => key);

describe('the inbox', () => {
  it('begins with what agents ask, and has the latest of the rest first', () => {
    const permissions = [{ requestId: 'r', toolName: 'Bash', input: {}, askedAt: '2026-01-01T08:00:00.000Z' }];
    const containers = [container(), container({ id: 'c2', status: 'failed' })];
    const denials = new Map([['c1', [denial()]]]);
    expect(keysOf({ containers, denials, instructions: [instruction({ permissions })] })).toEqual([
      'permission:r',
      'container:c2:failed:',
      'egress:c1:example.org:443',
    ]);
  });

  it('has a failed instruction until the next one, and says when a budget was reached', () => {
    const failed = instruction({ status: 'failed', statusReason: { code: 'budget_exceeded', message: 'No more.' } });
    expect(read({ instructions: [failed] })).toMatchObject([{ kind: 'budget', text: 'No more.' }]);
    expect(read({ instructions: [instruction({ ...failed, statusReason: { code: 'x' } })] })).toMatchObject([
      { kind: 'instruction' },
    ]);
    expect(read({ instructions: [instruction({ id: 'i2', status: 'queued' }), failed] })).toEqual([]);
  });

  it('has what Claude Code asks in a terminal, and not twice what an instruction asks', () => {
    const since = '2026-01-01T09:00:00.000Z';
    const agent = {
      active: true,
      state: 'waiting',
      since,
      waitingFor: { tool: 'Bash', text: 'ls' },
      modelProblem: null,
    };
    const containers = [container({ agent: agent as Container['agent'] })];
    expect(read({ containers })).toMatchObject([{ kind: 'question', text: 'Bash: ls' }]);
    expect(read({ containers, instructions: [instruction({})] })).toEqual([]);
  });

  it('says why the API of the model does not answer a running container', () => {
    const at = '2026-01-01T09:00:00.000Z';
    const agent = { active: true, state: 'working', modelProblem: { reason: 'rate_limited', status: 429, at } };
    const containers = [container({ agent: agent as Container['agent'] })];
    expect(read({ containers })).toMatchObject([{ kind: 'model', key: 'model:c1:rate_limited', at }]);
    expect(read({ containers: [{ ...containers[0]!, status: 'stopped' }] })).toEqual([]);
  });

  it('has each refused destination once, until it is allowed, dismissed or a day old', () => {
    const denials = new Map([
      ['c1', [denial(), denial({ seq: 2 }), denial({ host: 'old', at: '2025-01-01T00:00:00Z' })]],
    ]);
    expect(read({ denials })).toMatchObject([{ denial: { seq: 2 } }]);
    const egressAllow = [{ host: 'example.org', ports: [443] }];
    expect(read({ denials, containers: [container({ egressAllow })] })).toEqual([]);
    expect(read({ denials, dismissed: new Set(['egress:c1:example.org:443']) })).toEqual([]);
  });
});
