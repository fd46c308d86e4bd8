import type { Settings } from '../config/settings.js';

/** Claude Code's own, where nobody names another. */
const MODEL_API = 'https://api.anthropic.com';

/** The API of the model for containers that name none in their own environment. */
export function modelApiUrl({ agentEnv }: Pick<Settings, 'agentEnv'>): string {
  return agentEnv['ANTHROPIC_BASE_URL'] ?? MODEL_API;
}
