/** What the egress gateway says to a program whose connection it refuses. */
import { beforeAll, describe, expect, it } from '@jest/globals';

const FILE = '../../images/workspace/gateway/policy.mjs';
type Explain = (reason: string, host: string, port: number) => string;

describe('the egress gateway', () => {
  let explain: Explain;
  beforeAll(async () => void ({ explain } = (await import(FILE)) as { explain: Explain }));

  it('names the rule that allows a host', () => {
    const rule = '{"host":"example.org","ports":[443]}';
    expect(explain('not_allowed', 'example.org', 443)).toContain(`The rule that allows it: ${rule}`);
  });

  it.each(['169.254.169.254', '127.0.0.1', '::ffff:7f00:1'])(
    'names no rule for %s, since there can be none',
    (host) => {
      expect(explain('not_allowed', host, 80)).toMatch(/no rule can allow it/);
    },
  );
});
