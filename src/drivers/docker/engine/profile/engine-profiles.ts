import type Dockerode from 'dockerode';
import { UnsuitableEngineError } from '../../../driver-error.js';
import { DEADLINE, engineCall } from '../engine-call.js';
import { abortable, dial } from '../dockerode-options.js';
import type { EngineProfile } from './engine-profile.js';
import {
  type InfoRecord,
  type PodmanInfoRecord,
  podmanVersion,
  readProfile,
  type VersionRecord,
} from './read-profile.js';
import { reasonAgainst } from './unsuitable-engine.js';

/** Asks the engine what it is, once for as long as it stays. */
export class EngineProfiles {
  private known: Promise<EngineProfile> | undefined;

  constructor(private readonly docker: Dockerode) {}

  /** @throws UnsuitableEngineError when DevForge cannot work with the engine */
  get(): Promise<EngineProfile> {
    if (this.known === undefined) {
      const asked = this.ask();
      this.known = asked;
      asked.catch(() => {
        if (this.known === asked) this.known = undefined;
      });
    }
    return this.known;
  }

  /** The next engine at this address may be another one. */
  forget(): void {
    this.known = undefined;
  }

  private async ask(): Promise<EngineProfile> {
    const profile = await engineCall('info', DEADLINE.read, async (abortSignal) => {
      const [version, info] = (await Promise.all([
        abortable(this.docker).version({ abortSignal }),
        abortable(this.docker).info({ abortSignal }),
      ])) as [VersionRecord, InfoRecord];
      return readProfile(version, info, await this.askPodman(version, abortSignal));
    });
    const reason = reasonAgainst(profile);
    if (reason !== undefined) throw new UnsuitableEngineError(reason);
    return profile;
  }

  private async askPodman(version: VersionRecord, abortSignal: AbortSignal): Promise<PodmanInfoRecord | undefined> {
    const podman = podmanVersion(version);
    if (podman === undefined) return undefined;
    return (await dial(this.docker, `/v${podman}/libpod/info?`, {}, abortSignal)) as PodmanInfoRecord;
  }
}
