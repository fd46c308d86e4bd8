import { describe, expect, it } from '@jest/globals';
import type { Container } from '../api/types.ts';
import { applyView, readView } from './view.ts';

const container = (name: string, rest: Partial<Container> = {}): Container =>
  ({
    name,
    status: 'running',
    createdAt: `2026-01-0${name.length}`,
    agent: null,
    template: 'both',
    ...rest,
  }) as Container;
const names = (containers: Container[]): string[] => containers.map(({ name }) => name);
const agent = (state: NonNullable<Container['agent']>['state'], text?: string) =>
  ({ state, waitingFor: text === undefined ? null : { tool: 'Bash', text } }) as Container['agent'];

describe('the view of the containers', () => {
  const all = [
    container('a', { status: 'stopped' }),
    container('bb', { agent: agent('idle'), repoUrl: 'https://example.org/Shop.git' }),
    container('ccc', { status: 'failed' }),
    container('dddd', { agent: agent('waiting', 'npm publish') }),
    container('eeeee', { status: 'cloning' }),
  ];

  it('shows all containers, newest first, by default', () => {
    expect(names(applyView(all, {}))).toEqual(['eeeee', 'dddd', 'ccc', 'bb', 'a']);
  });

  it('finds containers by every word of their name, their repository and what their agent waits for', () => {
    expect(names(applyView(all, { q: ' shop  B' }))).toEqual(['bb']);
    expect(names(applyView(all, { q: 'publish' }))).toEqual(['dddd']);
    expect(applyView(all, { q: 'shop publish' })).toEqual([]);
  });

  it('filters by groups of statuses and by what the agent does', () => {
    expect(names(applyView(all, { status: 'failed' }))).toEqual(['ccc']);
    expect(names(applyView(all, { status: 'busy' }))).toEqual(['eeeee']);
    expect(names(applyView(all, { agent: 'waiting' }))).toEqual(['dddd']);
    expect(names(applyView(all, { agent: 'none', status: 'running' }))).toEqual([]);
  });

  it('shows the containers of one project', () => {
    const other = container('f', { projectId: 'shop' });
    expect(names(applyView([...all, other], { project: 'shop' }))).toEqual(['f']);
  });

  it('puts what needs a person first when it sorts by agent or status', () => {
    expect(names(applyView(all, { sort: 'agent' })).slice(0, 2)).toEqual(['dddd', 'bb']);
    expect(names(applyView(all, { sort: 'status' }))[0]).toBe('ccc');
    expect(names(applyView(all, { sort: 'name', desc: true }))[0]).toBe('eeeee');
  });

  it('puts containers without metrics last when it sorts by them', () => {
    const busy = container('f', { metrics: { cpu: { percent: 3 } } as Container['metrics'] });
    expect(names(applyView([...all, busy], { sort: 'cpu' }))[0]).toBe('f');
  });

  it('is read from the address, of which it ignores what it does not know', () => {
    const view = { q: 'x', status: 'busy', agent: 'idle', project: 'id', sort: 'cpu', desc: true };
    expect(readView(view)).toEqual(view);
    expect(readView({ q: '', status: 'toString?', agent: 1, sort: 'x', desc: 'yes', other: 1 })).toEqual({});
  });
});
