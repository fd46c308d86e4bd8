import { createHash } from 'node:crypto';
import type { WorkspaceSpec } from '../workspace.js';
import { workspaceContainer } from './container-specs.js';
import { toCreateOptions } from './engine/container-profile.js';
import type { EngineProfile } from './engine/profile/engine-profile.js';

/** Instead of what differs between workspaces that are interchangeable until they are claimed. */
const ANY = '00000000-0000-0000-0000-000000000000';

/** Hash of the options of the engine's container, without what is added or changed when a workspace is claimed. */
export function fingerprintOf(spec: WorkspaceSpec, engine: EngineProfile): string {
  const { dataId, limits } = spec;
  const any = workspaceContainer(
    {
      ...spec,
      id: ANY,
      ...(dataId === undefined || dataId === spec.id ? { dataId: ANY } : {}),
      hostname: '',
      env: {},
      limits: { ...limits, cpus: 0, memoryMiB: 0 },
    },
    engine,
  );
  return createHash('sha256')
    .update(JSON.stringify(toCreateOptions(any, engine)))
    .digest('hex');
}
