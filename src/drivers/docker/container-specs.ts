import {
  GIT_AGENT_FOLDER,
  GIT_AGENT_SOCKET,
  HOME_FOLDER,
  STATE_FOLDER,
  WORKSPACE_FOLDER,
  type WorkspaceSpec,
} from '../workspace.js';
import type { ContainerSpec } from './engine/engine-client.js';
import type { EngineProfile } from './engine/profile/engine-profile.js';
import { labelsOf, namesOf, networkOf } from './names.js';

/** @param engine refuses a limit above its number of cores */
export function workspaceContainer(
  spec: WorkspaceSpec,
  engine: Pick<EngineProfile, 'cpus' | 'isolation'>,
): ContainerSpec {
  const names = namesOf(spec.id);
  const labels = labelsOf(spec.id, 'workspace');
  const dataId = spec.dataId ?? spec.id;
  const hasGitKey = spec.readGitKey !== null;
  return {
    name: names.workspace,
    hostname: spec.hostname,
    image: spec.image,
    labels,
    env: { ...spec.env, ...(hasGitKey ? { SSH_AUTH_SOCK: GIT_AGENT_SOCKET } : {}) },
    mounts: [
      { volume: namesOf(dataId).workspaceVolume, target: WORKSPACE_FOLDER, labels: labelsOf(dataId, 'workspace') },
      { volume: names.stateVolume, target: STATE_FOLDER, labels },
      { volume: names.homeVolume, target: HOME_FOLDER, labels },
      ...(hasGitKey ? [{ volume: names.gitAgentVolume, target: GIT_AGENT_FOLDER, readOnly: true, labels }] : []),
    ],
    network: networkOf(spec.id, engine).name,
    cpuLimit: Math.min(spec.limits.cpus, engine.cpus),
    memoryLimit: spec.limits.memoryMiB,
    pidsLimit: spec.limits.pids,
  };
}

/** A container that never starts: through it the engine writes into the home volume. */
export function homeCarrierContainer(id: string, image: string): ContainerSpec {
  const names = namesOf(id);
  return {
    name: names.homeCarrier,
    hostname: 'home-carrier',
    image,
    labels: labelsOf(id, 'home-carrier'),
    env: {},
    mounts: [{ volume: names.homeVolume, target: HOME_FOLDER, labels: labelsOf(id, 'workspace') }],
    network: 'none',
    entrypoint: ['/bin/false'],
    cpuLimit: 0.1,
    memoryLimit: 64,
    pidsLimit: 16,
  };
}

/** The sidecar that holds a Git key in memory; the workspace reaches nothing of it but its socket. */
export function gitAgentContainer(id: string, image: string): ContainerSpec {
  const names = namesOf(id);
  return {
    name: names.gitAgent,
    hostname: 'git-agent',
    image,
    labels: labelsOf(id, 'git-agent'),
    env: { SSH_AUTH_SOCK: GIT_AGENT_SOCKET },
    mounts: [{ volume: names.gitAgentVolume, target: GIT_AGENT_FOLDER, labels: labelsOf(id, 'workspace') }],
    network: 'none',
    entrypoint: ['/bin/sh', '-c', 'rm -f "$SSH_AUTH_SOCK"; exec ssh-agent -D -a "$SSH_AUTH_SOCK"'],
    cpuLimit: 0.5,
    memoryLimit: 64,
    pidsLimit: 16,
  };
}
