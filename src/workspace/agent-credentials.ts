import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { MODEL_API_URL, modelApiOf } from '../drivers/workspace-egress.js';
import { type AgentContainer, ModelCredential, placeholderOf } from './model-credential.js';
import { WorkspaceSecretsPublisher } from './workspace-secrets.js';

const ENDPOINT = 'ANTHROPIC_BASE_URL';
/** In the environment of a workspace: `claude` waits there for the credential, which arrives a moment after the start. */
const EXPECTED = 'DEVFORGE_AGENT_CREDENTIAL';

/**
 * What Claude Code is given. Where there is a gateway that is the address of the model's API there, and a placeholder that the
 * gateway replaces. Elsewhere it is the credential itself, for Claude Code alone: never in the environment of the container.
 */
@Injectable()
export class AgentCredentials {
  constructor(
    private readonly settings: Settings,
    private readonly model: ModelCredential,
    private readonly secrets: WorkspaceSecretsPublisher,
  ) {}

  /**
   * The variable of the credential, first, and what else Claude Code needs to use it; or none.
   * @param instructionId whose budget is kept, and for which is counted what is spent
   * @throws DomainError `credential_unreadable`
   */
  async of(container: AgentContainer, instructionId?: string): Promise<Record<string, string>> {
    const variable = await this.model.of(container);
    if (variable === undefined) return {};
    const { name } = variable;
    if (this.secrets.reachesModel(container) && (await this.secrets.publish(container)))
      return { [name]: placeholderOf(name), [ENDPOINT]: modelApiOf(instructionId) };
    return { [name]: await variable.read() };
  }

  /** What the environment of the container says about Claude Code: nothing secret. */
  async publicEnv(container: AgentContainer): Promise<Record<string, string>> {
    const variable = await this.model.of(container);
    const isGateway = variable !== undefined && this.secrets.reachesModel(container);
    const endpoint = isGateway ? MODEL_API_URL : this.settings.agentEnv[ENDPOINT];
    return {
      ...(endpoint === undefined || container.template === 'vscode' ? {} : { [ENDPOINT]: endpoint }),
      ...(variable === undefined ? {} : { [EXPECTED]: variable.name }),
    };
  }
}
