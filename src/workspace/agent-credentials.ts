import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';

/** In the order in which Claude Code prefers them. */
const CREDENTIALS = ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'];
const ENDPOINT = 'ANTHROPIC_BASE_URL';
/** In the environment of a workspace: `claude` waits there for the credential, which arrives a moment after the start. */
const EXPECTED = 'DEVFORGE_AGENT_CREDENTIAL';

/** What of a container's row says whether it gets the operator's credential. */
type AgentContainer = Pick<ContainerRow, 'template' | 'env'>;

/**
 * The operator's credential for Claude Code. It goes to containers that have Claude Code and no credential of their own,
 * and there to Claude Code alone: never into the environment of the container.
 */
@Injectable()
export class AgentCredentials {
  constructor(private readonly settings: Settings) {}

  /** One environment variable for Claude Code, or none. */
  of({ template, env }: AgentContainer): Record<string, string> {
    const { agentEnv } = this.settings;
    if (template === 'vscode' || CREDENTIALS.some((name) => name in env)) return {};
    const name = CREDENTIALS.find((each) => agentEnv[each] !== undefined);
    return name === undefined ? {} : { [name]: agentEnv[name]! };
  }

  /** What the environment of the container says about Claude Code: nothing secret. */
  publicEnv(container: AgentContainer): Record<string, string> {
    const endpoint = this.settings.agentEnv[ENDPOINT];
    const [expected] = Object.keys(this.of(container));
    return {
      ...(endpoint === undefined || container.template === 'vscode' ? {} : { [ENDPOINT]: endpoint }),
      ...(expected === undefined ? {} : { [EXPECTED]: expected }),
    };
  }
}
