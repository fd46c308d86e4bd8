import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { CredentialsHarness } from '../../../test/support/credentials/fake-credentials.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import type { Revocation } from '../../auth/revocation.js';
import { DriverError } from '../../drivers/driver-error.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { SecretWithdrawal } from './secret-withdrawal.js';

describe('SecretWithdrawal', () => {
  let harness: CredentialsHarness;
  let clock: FakeClock;
  let row: ContainerRow;
  let change: () => Promise<void>;
  let withdrawal: SecretWithdrawal;

  beforeEach(async () => {
    harness = new CredentialsHarness();
    clock = new FakeClock();
    const [one, other] = ['a.example', 'b.example'].map((host) =>
      harness.add({ kind: 'git_https_token', host, username: 'bot' }, `of ${host}`),
    );
    row = containerRow({ credentials: [one!.id, other!.id] });
    row = { ...row, ...harness.driver.run({ id: row.id }) };
    await harness.publisher().publish(row);
    let listener: () => void = () => undefined;
    withdrawal = new SecretWithdrawal(
      { onChange: (added: () => void) => ((listener = added), () => undefined) } as unknown as Revocation,
      { listAll: async () => [row, containerRow()] } as unknown as ContainersRepository,
      harness.credentials,
      harness.publisher(),
      clock,
      quietLogger(),
    );
    withdrawal.onApplicationBootstrap();
    change = async () => {
      listener();
      await settled();
    };
  });
  afterEach(() => withdrawal.onModuleDestroy());

  const hosts = (): string[] => harness.driver.require(row.id).secrets!.git.map(({ host }) => host);

  it('takes away what may not be used any more, and uses nothing while that is the same', async () => {
    const uses = harness.repository.uses.length;
    await change();
    expect([hosts(), harness.repository.uses.length]).toEqual([['a.example', 'b.example'], uses]);
    harness.repository.rows.delete(row.credentials[0]!);
    await change();
    expect([hosts(), harness.repository.uses.length]).toEqual([['b.example'], uses + 1]);
    await change();
    expect(harness.repository.uses).toHaveLength(uses + 1);
  });

  it('tries again when the gateway is away', async () => {
    harness.repository.rows.delete(row.credentials[0]!);
    harness.driver.faults.failNext('setSecrets', new DriverError('unavailable', 'x'));
    await change();
    expect(hosts()).toHaveLength(2);
    await clock.advance(2_000);
    await settled();
    expect(hosts()).toEqual(['b.example']);
  });
});
