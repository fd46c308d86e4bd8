import { randomBytes, randomUUID } from 'node:crypto';
import { isInScope } from '../../../src/auth/principal.js';
import type { UserDirectory, UserRoles } from '../../../src/auth/users/user-directory.js';
import { RandomIdGenerator } from '../../../src/common/id-generator.js';
import type { Settings } from '../../../src/config/settings.js';
import { ContainerCredentials } from '../../../src/credentials/container-credentials.js';
import { CredentialCipher } from '../../../src/credentials/credential-cipher.js';
import { SecretKeys } from '../../../src/credentials/secret-keys.js';
import { FakeWorkspaceDriver } from '../../../src/drivers/fake/fake-workspace-driver.js';
import type { SshKeys } from '../../../src/git-keys/ssh-keys.js';
import {
  type CredentialInsertion,
  type CredentialRemoval,
  type CredentialRow,
  CredentialsRepository,
  type CredentialUse,
  type CredentialUser,
  type SealedValue,
} from '../../../src/persistence/credentials/credentials.repository.js';
import { EVERYTHING } from '../../../src/persistence/everything.js';
import { DEFAULT_PROJECT, type HolderScope } from '../../../src/persistence/types.js';
import { AgentCredentials } from '../../../src/workspace/agent-credentials.js';
import { ModelCredential } from '../../../src/workspace/model-credential.js';
import type { BudgetHolder, SpendingRulesSource } from '../../../src/spend/spending-rules.js';
import { loadModelPrices } from '../../../src/spend/model-prices.js';
import type { SpendingRules } from '../../../src/drivers/workspace-spend.js';
import { WorkspaceSecretsPublisher } from '../../../src/workspace/workspace-secrets.js';
import { FakeClock } from '../clock/fake-clock.js';
import { quietLogger } from '../quiet-logger.js';
import { T0 } from '../rows.js';

/** Credentials in memory. */
export class FakeCredentialsRepository extends CredentialsRepository {
  readonly rows = new Map<string, CredentialRow>();
  readonly uses: (CredentialUse & { credentialId: string })[] = [];
  /** The containers that name a credential. */
  readonly users = new Map<string, CredentialUser[]>();

  async insert(row: CredentialRow, max: number): Promise<CredentialInsertion> {
    if (this.rows.size >= max) return 'full';
    this.rows.set(row.id, row);
    return 'inserted';
  }

  async findById(id: string, scope: HolderScope): Promise<CredentialRow | null> {
    return (await this.list(scope)).find((row) => row.id === id) ?? null;
  }

  async findByIds(ids: readonly string[]): Promise<CredentialRow[]> {
    return [...this.rows.values()].filter(({ id }) => ids.includes(id));
  }

  async list({ projects, userId }: HolderScope): Promise<CredentialRow[]> {
    return [...this.rows.values()].filter((row) =>
      row.projectId === null ? projects === EVERYTHING || row.userId === userId : isInScope(projects, row.projectId),
    );
  }

  async remove(id: string): Promise<CredentialRemoval> {
    const containers = this.users.get(id) ?? [];
    if (containers.length > 0) return { kind: 'in_use', containers };
    return { kind: this.rows.delete(id) ? 'removed' : 'not_found' };
  }

  async recordUse({ id }: CredentialRow, use: CredentialUse): Promise<boolean> {
    if (!this.rows.has(id)) return false;
    this.uses.push({ ...use, credentialId: id });
    return true;
  }

  async reseal(
    keyId: string,
    { after, limit }: { after: string | null; limit: number },
    reseal: (row: CredentialRow) => SealedValue | null,
  ): Promise<{ resealed: number; kept: number; last: string | null }> {
    const page = [...this.rows.values()]
      .filter((row) => row.keyId !== keyId && (after === null || row.id > after))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1))
      .slice(0, limit);
    let resealed = 0;
    for (const row of page) {
      const value = reseal(row);
      if (value === null) continue;
      this.rows.set(row.id, { ...row, ...value });
      resealed += 1;
    }
    return { resealed, kept: page.length - resealed, last: page.at(-1)?.id ?? null };
  }
}

export function cipherWith(...secretsKeys: Buffer[]): CredentialCipher {
  const settings = { dataDir: '/nonexistent', secretsKeys } as unknown as Settings;
  return new CredentialCipher(new SecretKeys(settings, new RandomIdGenerator(), quietLogger()));
}

/** The credentials of containers over fakes, with a key of its own. */
export class CredentialsHarness {
  readonly repository = new FakeCredentialsRepository();
  readonly cipher = cipherWith(randomBytes(32));
  readonly driver = new FakeWorkspaceDriver();
  readonly users = new Map<string, UserRoles>();
  /** What `sshKeyPath` leads to; an error is thrown. */
  sshKey: Buffer | Error = Buffer.from('the key');
  readonly keys = {
    assertUsable: async () => void this.readSshKey(),
    read: async () => this.readSshKey(),
  } as unknown as SshKeys;
  readonly credentials = new ContainerCredentials(
    this.repository,
    this.keys,
    { find: async (id: string) => this.users.get(id) ?? null } as unknown as UserDirectory,
    this.cipher,
    this.driver,
    new FakeClock(),
  );

  /** What Claude Code gets. The fake engine has a gateway, unless told otherwise. */
  agents(agentEnv: Record<string, string>): AgentCredentials {
    const settings = { agentEnv } as unknown as Settings;
    const model = new ModelCredential(settings, this.credentials);
    return new AgentCredentials(settings, model, this.publisher(agentEnv, model));
  }

  publisher(agentEnv: Record<string, string> = {}, model?: ModelCredential): WorkspaceSecretsPublisher {
    const settings = { agentEnv } as unknown as Settings;
    return new WorkspaceSecretsPublisher(
      this.driver,
      this.credentials,
      model ?? new ModelCredential(settings, this.credentials),
      { of: async ({ projectId }: BudgetHolder) => noRules(projectId) } as unknown as SpendingRulesSource,
      settings,
      quietLogger(),
    );
  }

  withoutGateway(): this {
    this.driver.capabilities = { ...this.driver.capabilities, fence: false };
    return this;
  }

  /** Stores a credential of the default project, unless told otherwise. @returns its row */
  add(overrides: Partial<CredentialRow> = {}, value = 'the value'): CredentialRow {
    const identity = {
      id: randomUUID(),
      kind: 'anthropic_api_key',
      projectId: overrides.userId === undefined ? DEFAULT_PROJECT.id : null,
      userId: null,
      host: null,
      username: null,
      header: null,
      fingerprint: null,
      ...overrides,
    } as const;
    const row: CredentialRow = {
      name: 'c',
      createdBy: 'admin',
      createdAt: T0,
      lastUsedAt: null,
      ...identity,
      ...this.cipher.seal(identity, value),
    };
    this.repository.rows.set(row.id, row);
    return row;
  }

  private readSshKey(): Buffer {
    if (this.sshKey instanceof Error) throw this.sshKey;
    return this.sshKey;
  }
}

function noRules(project: string): SpendingRules {
  return { project, prices: loadModelPrices(undefined), budgets: [], marks: {} };
}
