/** What the egress gateway allows, and what it says to a program whose connection it refuses. */
import { beforeAll, describe, expect, it } from '@jest/globals';

const FILE = '../../images/workspace/gateway/policy.mjs';

interface Egress {
  mode: 'restricted';
  allow: { host: string; ports: number[] }[];
  privateHosts: string[];
}

interface Policy {
  allows(host: string, port: number): boolean;
  names(host: string, port: number): boolean;
  explain(reason: string, host: string, port: number): string;
}

describe('the egress gateway', () => {
  let PolicyClass: new (egress: Egress) => Policy;
  beforeAll(async () => void ({ Policy: PolicyClass } = (await import(FILE)) as { Policy: typeof PolicyClass }));

  const policy = (allow: Egress['allow'] = []) =>
    new PolicyClass({ mode: 'restricted', allow, privateHosts: ['10.1.0.0/16', 'fd00::/8'] });

  it.each([
    ['example.org', 'example.org'],
    ['10.1.2.3', '10.1.2.3'],
    ['fd00::1', '[fd00::1]'],
  ])('names the rule that allows %s, and allows it by that rule', (host, written) => {
    const rule = { host: written, ports: [443] };
    expect(policy().explain('not_allowed', host, 443)).toContain(`The rule that allows it: ${JSON.stringify(rule)}`);
    const allowing = policy([rule]);
    expect([allowing.allows(host, 443), allowing.names(host, 443), allowing.allows(host, 22)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each(['169.254.169.254', '127.0.0.1', '::ffff:7f00:1', '10.2.0.1'])(
    'names no rule for %s, since there can be none',
    (host) => {
      expect(policy().explain('not_allowed', host, 80)).toMatch(/no rule can allow it/);
    },
  );
});
