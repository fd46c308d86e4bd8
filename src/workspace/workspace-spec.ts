import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { ContainerSpec, EngineInfo } from '../drivers/docker/engine/container-engine.js';
import { labelsOf, namesOf, WORKSPACE_NETWORK } from './container-names.js';

const PIDS_LIMIT = 512;
const GIT_AGENT_FOLDER = '/run/devforge/git-agent';
export const GIT_AGENT_SOCKET = `${GIT_AGENT_FOLDER}/agent.sock`;
/** Where DevForge keeps what belongs to the container and not to its repository: sessions, known hosts, marks. */
export const STATE_FOLDER = '/var/lib/devforge';
export const WORKSPACE_FOLDER = '/workspace';
const MODEL_CREDENTIALS = ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'];

/** The workspace that the row asks for. */
export function workspaceSpec(
  row: ContainerRow,
  image: string,
  engine: EngineInfo,
  agentEnv: Readonly<Record<string, string>>,
): ContainerSpec {
  const names = namesOf(row.id);
  const labels = labelsOf(row.id, 'workspace');
  return {
    name: names.workspace,
    hostname: row.name,
    image,
    labels,
    env: {
      ...operatorEnv(row, agentEnv),
      ...row.env,
      CLAUDE_CONFIG_DIR: row.env['CLAUDE_CONFIG_DIR'] ?? `${STATE_FOLDER}/claude`,
      DEVFORGE_CONTAINER_ID: row.id,
      ...(row.sshKeyPath === null ? {} : { SSH_AUTH_SOCK: GIT_AGENT_SOCKET }),
    },
    mounts: [
      { volume: names.workspaceVolume, target: WORKSPACE_FOLDER, labels },
      { volume: names.stateVolume, target: STATE_FOLDER, labels },
      ...(row.sshKeyPath === null
        ? []
        : [{ volume: names.gitAgentVolume, target: GIT_AGENT_FOLDER, readOnly: true, labels }]),
    ],
    network: WORKSPACE_NETWORK,
    // More cores than the engine has are refused by it, and mean no limit at all.
    cpuLimit: Math.min(row.cpuLimit, engine.cpus),
    memoryLimit: row.memoryLimit,
    pidsLimit: PIDS_LIMIT,
  };
}

/** The sidecar that holds a Git key in memory, out of reach of the workspace but for its socket. */
export function gitAgentSpec(row: ContainerRow, image: string): ContainerSpec {
  const names = namesOf(row.id);
  const labels = labelsOf(row.id, 'git-agent');
  return {
    name: names.gitAgent,
    hostname: 'git-agent',
    image,
    labels,
    env: { SSH_AUTH_SOCK: GIT_AGENT_SOCKET },
    mounts: [{ volume: names.gitAgentVolume, target: GIT_AGENT_FOLDER, labels: labelsOf(row.id, 'workspace') }],
    network: 'none',
    entrypoint: ['/bin/sh', '-c', 'rm -f "$SSH_AUTH_SOCK"; exec ssh-agent -D -a "$SSH_AUTH_SOCK"'],
    cpuLimit: 0.5,
    memoryLimit: 64,
    pidsLimit: 16,
  };
}

/** The operator's endpoint, and one credential at most: none when the container brings its own. */
function operatorEnv(row: ContainerRow, agentEnv: Readonly<Record<string, string>>): Record<string, string> {
  const own = MODEL_CREDENTIALS.some((name) => name in row.env);
  const chosen = own ? undefined : MODEL_CREDENTIALS.find((name) => agentEnv[name] !== undefined);
  return Object.fromEntries(
    Object.entries(agentEnv).filter(([name]) => name === chosen || !MODEL_CREDENTIALS.includes(name)),
  );
}
