import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import {
  ContainerCredentials,
  type CredentialHolder,
  modelCredentialOf,
  type UsableCredential,
} from '../credentials/container-credentials.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';

/** In the order in which Claude Code prefers them. */
const VARIABLES = ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'] as const;
type Variable = (typeof VARIABLES)[number];

/** What of a container's row says which credential its agent gets. */
export type AgentContainer = Pick<ContainerRow, 'template' | 'env' | 'budgetUsd'> & CredentialHolder;

/** A credential for Claude Code, by the variable in which it is given. */
export interface ModelVariable {
  name: Variable;
  /** @throws DomainError `credential_unreadable` */
  read(): Promise<string>;
}

/** Finds the credential for Claude Code: one of the container, or else the operator's. */
@Injectable()
export class ModelCredential {
  constructor(
    private readonly settings: Settings,
    private readonly credentials: ContainerCredentials,
  ) {}

  /**
   * @param known what the container may use, where that was looked up already
   * @returns undefined for a container without Claude Code, or with a credential in its own environment
   */
  async of(container: AgentContainer, known?: UsableCredential[]): Promise<ModelVariable | undefined> {
    const { template, env } = container;
    if (template === 'vscode' || VARIABLES.some((each) => each in env)) return undefined;
    const own = modelCredentialOf(known ?? (await this.credentials.usable(container)));
    if (own !== undefined) {
      const name = own.kind === 'claude_oauth_token' ? 'CLAUDE_CODE_OAUTH_TOKEN' : 'ANTHROPIC_API_KEY';
      return { name, read: () => own.use() };
    }
    const { agentEnv } = this.settings;
    const name = VARIABLES.find((each) => agentEnv[each] !== undefined);
    return name === undefined ? undefined : { name, read: async () => agentEnv[name]! };
  }
}

/** The header of the model's API that has the value of a variable. */
export function modelHeader(name: Variable, value: string): { header: string; value: string } {
  return name === 'ANTHROPIC_API_KEY'
    ? { header: 'x-api-key', value }
    : { header: 'authorization', value: `Bearer ${value}` };
}

/** What Claude Code gets in a variable instead of the value. */
export function placeholderOf(name: Variable): string {
  return name === 'ANTHROPIC_API_KEY' ? 'sk-ant-api03-kept-by-devforge' : 'sk-ant-oat01-kept-by-devforge';
}
