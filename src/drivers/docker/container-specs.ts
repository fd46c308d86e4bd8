import { randomUUID } from 'node:crypto';
import {
  EGRESS_FOLDER,
  GIT_AGENT_FOLDER,
  GIT_AGENT_SOCKET,
  HOME_FOLDER,
  STATE_FOLDER,
  WORKSPACE_FOLDER,
  type WorkspaceSpec,
} from '../workspace.js';
import { GATEWAY_URL } from '../workspace-egress.js';
import type { ContainerSpec, VolumeMount } from './engine/engine-client.js';
import type { EngineProfile } from './engine/profile/engine-profile.js';
import { LABEL_MANAGED, LABEL_ROLE, LABEL_SNAPSHOT } from './labels.js';
import { labelsOf, namesOf, networkOf } from './names.js';

/** @param engine refuses a limit above its number of cores */
export function workspaceContainer(
  spec: WorkspaceSpec,
  engine: Pick<EngineProfile, 'cpus' | 'isolation' | 'canFence'>,
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
    env: { ...withProxies(spec), ...(hasGitKey ? { SSH_AUTH_SOCK: GIT_AGENT_SOCKET } : {}) },
    mounts: [
      { volume: namesOf(dataId).workspaceVolume, target: WORKSPACE_FOLDER, labels: labelsOf(dataId, 'workspace') },
      { volume: names.stateVolume, target: STATE_FOLDER, labels },
      { volume: names.homeVolume, target: HOME_FOLDER, labels },
      ...(engine.canFence
        ? [{ volume: names.egressVolume, target: EGRESS_FOLDER, readOnly: true, noCopy: true, labels }]
        : []),
      ...(hasGitKey ? [{ volume: names.gitAgentVolume, target: GIT_AGENT_FOLDER, readOnly: true, labels }] : []),
    ],
    network: networkFor(spec, engine),
    cpuLimit: Math.min(spec.limits.cpus, engine.cpus),
    memoryLimit: spec.limits.memoryMiB,
    pidsLimit: spec.limits.pids,
  };
}

/** A workspace that is not open has no interface but loopback. */
export function networkFor({ id, egress }: WorkspaceSpec, engine: Pick<EngineProfile, 'isolation'>): string {
  return egress.mode === 'open' ? networkOf(id, engine).name : 'none';
}

/** A container's own variables win, but the JDK reads all of its options from one. */
function withProxies(spec: WorkspaceSpec): Record<string, string> {
  const proxies = proxyEnv(spec);
  const java = [proxies['JAVA_TOOL_OPTIONS'], spec.env['JAVA_TOOL_OPTIONS']].filter((options) => options !== undefined);
  return { ...proxies, ...spec.env, ...(java.length === 0 ? {} : { JAVA_TOOL_OPTIONS: java.join(' ') }) };
}

/** What programs read to reach the network through the egress gateway. */
function proxyEnv({ egress }: WorkspaceSpec): Record<string, string> {
  if (egress.mode === 'open') return {};
  const { hostname, port } = new URL(GATEWAY_URL);
  const direct = ['localhost', '127.0.0.1', '::1'];
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  const java = ['http', 'https'].flatMap((scheme) => [
    `-D${scheme}.proxyHost=${hostname}`,
    `-D${scheme}.proxyPort=${port}`,
  ]);
  return {
    ...Object.fromEntries(proxies.map((name) => [name, GATEWAY_URL])),
    NO_PROXY: direct.join(','),
    no_proxy: direct.join(','),
    NODE_USE_ENV_PROXY: '1',
    JAVA_TOOL_OPTIONS: [...java, '-Dhttp.nonProxyHosts=localhost|127.*|[::1]'].join(' '),
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

/** Where the container that copies a snapshot has its volumes, each in a folder with the name of the part. */
export const COPY_FROM = '/from';
export const COPY_TO = '/to';

/** A container that copies between the volumes of a workspace and a snapshot; it may read and write whatever is in them. */
export function snapshotCarrierContainer(
  { id, image, snapshotId }: { id: string; image: string; snapshotId: string },
  mounts: VolumeMount[],
  engine: Pick<EngineProfile, 'cpus'>,
): ContainerSpec {
  return {
    name: namesOf(id).snapshotCarrier,
    hostname: 'snapshot',
    image,
    labels: { ...labelsOf(id, 'snapshot'), [LABEL_SNAPSHOT]: snapshotId },
    env: {},
    mounts,
    network: 'none',
    entrypoint: ['/bin/sleep', 'infinity'],
    user: '0:0',
    capabilities: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
    cpuLimit: Math.min(2, engine.cpus),
    memoryLimit: 512,
    pidsLimit: 64,
  };
}

/** A container in which an image is asked for the configuration of its package managers. */
export function packageRulesContainer(image: string): ContainerSpec {
  return {
    name: `devforge-package-rules-${randomUUID()}`,
    hostname: 'package-rules',
    image,
    labels: { [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'package-rules' },
    env: {},
    mounts: [],
    network: 'none',
    entrypoint: ['/bin/sleep', '120'],
    cpuLimit: 1,
    memoryLimit: 512,
    pidsLimit: 64,
  };
}

/** A container that never starts: through it the engine reads the files of an image. */
export function imageCheckContainer(image: string): ContainerSpec {
  return {
    name: `devforge-image-check-${randomUUID()}`,
    hostname: 'image-check',
    image,
    labels: { [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'image-check' },
    env: {},
    mounts: [],
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
