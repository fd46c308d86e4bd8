import type Dockerode from 'dockerode';
import type { Readable } from 'node:stream';
import { type EngineEvent, EngineSystem } from './engine-client.js';
import { DriverError } from '../../driver-error.js';
import { LABEL_ID } from '../labels.js';
import { abortable, dial } from './dockerode-options.js';
import { DEADLINE, engineCall, toDriverError } from './engine-call.js';
import { linesOf } from './logs/stream-lines.js';
import type { EngineProfile } from './profile/engine-profile.js';
import type { EngineProfiles } from './profile/engine-profiles.js';

interface EventRecord {
  Action?: string;
  Actor?: { ID?: string; Attributes?: Record<string, string> };
  timeNano?: number;
}

interface UsageRecord {
  Volumes?: { Name: string; UsageData?: { Size: number } | null }[] | null;
}

export class DockerSystem extends EngineSystem {
  /** Callers at the same time share one, so that many requests at once do not slow the engine's answer down. */
  private pinging: Promise<void> | undefined;

  constructor(
    private readonly docker: Dockerode,
    private readonly profiles: EngineProfiles,
  ) {
    super();
  }

  ping(): Promise<void> {
    this.pinging ??= this.pingOnce().finally(() => (this.pinging = undefined));
    return this.pinging;
  }

  private async pingOnce(): Promise<void> {
    try {
      await engineCall('ping', DEADLINE.ping, (abortSignal) => abortable(this.docker).ping({ abortSignal }));
    } catch (error) {
      throw new DriverError('unavailable', toDriverError('ping', error).message, { cause: error });
    }
    await this.profiles.get();
  }

  info(): Promise<EngineProfile> {
    return this.profiles.get();
  }

  async volumeBytes(): Promise<Map<string, number>> {
    return engineCall('measure volumes', DEADLINE.files, async (abortSignal) => {
      // Engines before API 1.42 ignore the type, and measure everything else as well.
      const { Volumes } = (await dial(this.docker, '/system/df?', { type: 'volume' }, abortSignal)) as UsageRecord;
      // The engine reports -1 for what it could not measure.
      const measured = (Volumes ?? []).filter(({ UsageData }) => (UsageData?.Size ?? -1) >= 0);
      return new Map(measured.map(({ Name, UsageData }) => [Name, UsageData!.Size]));
    });
  }

  async watch(onEvent: (event: EngineEvent) => void, signal: AbortSignal, onReady: () => void): Promise<void> {
    try {
      const stream = (await engineCall(
        'watch events',
        DEADLINE.read,
        () => this.docker.getEvents({ filters: { type: ['container'] }, abortSignal: signal }),
        signal,
      )) as Readable;
      onReady();
      for await (const line of linesOf(stream)) {
        const event = toEvent(line);
        // Podman's filter by label needs the label's value.
        if (event !== undefined && LABEL_ID in event.labels) onEvent(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      throw toDriverError('watch events', error);
    } finally {
      this.profiles.forget();
    }
  }
}

/** Podman's names of two events, of which later versions translate the first. */
const AS_DOCKER_SAYS: Partial<Record<string, string>> = { died: 'die', remove: 'destroy' };

function toEvent(line: string): EngineEvent | undefined {
  if (line.trim() === '') return undefined;
  const record = JSON.parse(line) as EventRecord;
  if (record.Action === undefined || record.Actor?.ID === undefined) return undefined;
  return {
    action: AS_DOCKER_SAYS[record.Action] ?? record.Action,
    dockerId: record.Actor.ID,
    labels: record.Actor.Attributes ?? {},
    at: new Date((record.timeNano ?? 0) / 1e6),
  };
}
