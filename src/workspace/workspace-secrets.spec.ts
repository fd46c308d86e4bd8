import { beforeEach, describe, expect, it } from '@jest/globals';
import { CredentialsHarness } from '../../test/support/credentials/fake-credentials.js';
import { containerRow } from '../../test/support/rows.js';
import { DriverError } from '../drivers/driver-error.js';
import { NO_SECRETS } from '../drivers/workspace-egress.js';

describe('WorkspaceSecretsPublisher', () => {
  let harness: CredentialsHarness;
  beforeEach(() => void (harness = new CredentialsHarness()));

  it('gives the gateway tokens for Git and headers, each of which is a use', async () => {
    const git = harness.add({ kind: 'git_https_token', host: 'git.example.org', username: 'bot' }, 'token');
    const http = harness.add({ kind: 'http_header', host: 'api.example.org', header: 'X-Key' }, 'value');
    const ssh = harness.add({ kind: 'ssh_key' }, 'never');
    const container = containerRow({ credentials: [git.id, http.id, ssh.id] });
    harness.driver.run({ id: container.id });
    await expect(harness.publisher().publish(container)).resolves.toBe(true);
    expect(harness.driver.require(container.id).secrets).toEqual({
      modelApi: null,
      git: [{ host: 'git.example.org', username: 'bot', token: 'token' }],
      http: [{ host: 'api.example.org', header: 'X-Key', value: 'value' }],
    });
    expect(harness.repository.uses.map(({ credentialId, purpose }) => [credentialId, purpose])).toEqual([
      [git.id, 'git'],
      [http.id, 'http'],
    ]);
    harness.repository.rows.clear();
    await harness.publisher().publish(container);
    expect(harness.driver.require(container.id).secrets).toEqual(NO_SECRETS);
  });

  it('leaves out what cannot be decrypted', async () => {
    const lost = harness.add({ kind: 'git_https_token', host: 'a.example', username: 'bot' });
    harness.repository.rows.set(lost.id, { ...lost, keyId: 'lost' });
    const model = harness.add({}, 'key');
    const container = containerRow({ credentials: [lost.id, model.id] });
    harness.driver.run({ id: container.id });
    await harness.publisher().publish(container);
    expect(harness.driver.require(container.id).secrets).toMatchObject({ git: [], modelApi: { value: 'key' } });
  });

  it('does nothing without a gateway, and for a workspace that has no way to it or is gone', async () => {
    const container = containerRow();
    await expect(harness.publisher().publish(container)).resolves.toBe(false);
    harness.driver.run({ id: container.id });
    harness.driver.require(container.id).outdated = true;
    await expect(harness.publisher().publish(container)).resolves.toBe(false);
    harness.driver.require(container.id).outdated = false;
    harness.driver.faults.failNext('setSecrets', new DriverError('unavailable', 'x'));
    await expect(harness.publisher().publish(container)).rejects.toMatchObject({ code: 'unavailable' });
    harness.withoutGateway();
    await expect(harness.publisher().publish(container)).resolves.toBe(false);
  });
});
