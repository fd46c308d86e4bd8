import { describe, expect, it } from '@jest/globals';
import type { EgressDenialRow, EgressDenialsRepository } from '../persistence/egress/egress-denials.repository.js';
import { EgressDenials } from './egress-denials.js';

describe('EgressDenials', () => {
  const ruleFor = async (host: string, reason: EgressDenialRow['reason'] = 'not_allowed') => {
    const row = { seq: 1, at: new Date(0), host, port: 8443, reason, attempts: 1 };
    const repository = { list: async () => [row] } as unknown as EgressDenialsRepository;
    const denials = new EgressDenials(repository, { egress: { privateHosts: ['10.1.0.0/16', 'fd00::/8'] } } as never);
    return (await denials.list('a', 0, 10))[0]?.rule;
  };

  it.each([
    ['example.org', 'example.org'],
    ['10.1.2.3', '10.1.2.3'],
    ['fd00::1', '[fd00::1]'],
  ])('names the rule that would allow %s', async (refused, host) => {
    expect(await ruleFor(refused)).toEqual({ host, ports: [8443] });
  });

  it.each(['10.2.0.1', '::1', 'not a host'])('names none for %s', async (host) => {
    expect(await ruleFor(host)).toBeNull();
  });

  it('names none where a rule would change nothing', async () => {
    expect(await ruleFor('example.org', 'private_address')).toBeNull();
  });
});
