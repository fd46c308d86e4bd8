import type { EngineProfile } from './engine/profile/engine-profile.js';
import { LABEL_ID, LABEL_MANAGED, LABEL_ROLE, LABEL_SNAPSHOT, type Role } from './labels.js';

/** The bridge that all workspaces share where they cannot reach one another on it. */
const SHARED_NETWORK = 'devforge';

/** Names of everything that belongs to one workspace. They derive from its id, so each call finds what an earlier one made. */
export function namesOf(id: string): {
  workspace: string;
  homeCarrier: string;
  snapshotCarrier: string;
  gitAgent: string;
  workspaceVolume: string;
  stateVolume: string;
  homeVolume: string;
  gitAgentVolume: string;
  egressVolume: string;
} {
  return {
    workspace: `devforge-${id}`,
    homeCarrier: `devforge-${id}-home`,
    snapshotCarrier: `devforge-${id}-snapshot`,
    gitAgent: `devforge-${id}-git-agent`,
    workspaceVolume: `devforge-${id}-workspace`,
    stateVolume: `devforge-${id}-state`,
    homeVolume: `devforge-${id}-home`,
    gitAgentVolume: `devforge-${id}-git-agent`,
    egressVolume: `devforge-${id}-egress`,
  };
}

/** The volume of a snapshot. */
export function snapshotVolume(snapshotId: string): { name: string; labels: Record<string, string> } {
  const labels = { [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'snapshot', [LABEL_SNAPSHOT]: snapshotId };
  return { name: `devforge-snapshot-${snapshotId}`, labels };
}

/** The bridge of a workspace. */
export function networkOf(
  id: string,
  { isolation }: Pick<EngineProfile, 'isolation'>,
): { name: string; labels: Record<string, string> } {
  return isolation === 'within-bridge'
    ? { name: SHARED_NETWORK, labels: { [LABEL_MANAGED]: 'true', [LABEL_ROLE]: 'network' } }
    : { name: `devforge-${id}`, labels: labelsOf(id, 'network') };
}

export function labelsOf(id: string, role: Role): Record<string, string> {
  return { [LABEL_MANAGED]: 'true', [LABEL_ID]: id, [LABEL_ROLE]: role };
}
