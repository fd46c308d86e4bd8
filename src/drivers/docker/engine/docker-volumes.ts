import type Dockerode from 'dockerode';
import { DriverError } from '../../driver-error.js';
import { EngineVolumes, type VolumeOptions } from './engine-client.js';
import { DEADLINE, engineCall, statusOf } from './engine-call.js';

const NOT_FOUND = 404;

export class DockerVolumes extends EngineVolumes {
  constructor(private readonly docker: Dockerode) {
    super();
  }

  async list(label: string): Promise<{ name: string; labels: Record<string, string> }[]> {
    return engineCall('list volumes', DEADLINE.read, async (abortSignal) => {
      const { Volumes } = await this.docker.listVolumes({ filters: { label: [label] }, abortSignal });
      return (Volumes ?? []).map((volume) => ({ name: volume.Name, labels: volume.Labels ?? {} }));
    });
  }

  async exists(name: string): Promise<boolean> {
    return engineCall(`inspect volume ${name}`, DEADLINE.read, async (abortSignal) => {
      try {
        await this.docker.getVolume(name).inspect({ abortSignal });
        return true;
      } catch (error) {
        if (statusOf(error) === NOT_FOUND) return false;
        throw error;
      }
    });
  }

  async ensure(name: string, labels: Record<string, string>, { folder }: VolumeOptions = {}): Promise<void> {
    await engineCall(`create volume ${name}`, DEADLINE.write, async (abortSignal) => {
      // The engine answers with the volume that it has, when it has one of that name.
      const DriverOpts: Record<string, string> =
        folder === undefined ? {} : { type: 'none', o: 'bind', device: folder };
      await this.docker.createVolume({ Name: name, Labels: labels, Driver: 'local', DriverOpts, abortSignal });
      const { Labels: present } = await this.docker.getVolume(name).inspect({ abortSignal });
      if (Object.entries(labels).every(([label, value]) => present?.[label] === value)) return;
      throw new DriverError('foreign', `the name ${name} belongs to a volume that DevForge did not create`);
    });
  }

  async folder(name: string): Promise<string> {
    return engineCall(`inspect volume ${name}`, DEADLINE.read, async (abortSignal) => {
      return (await this.docker.getVolume(name).inspect({ abortSignal })).Mountpoint;
    });
  }

  async remove(name: string): Promise<void> {
    await engineCall(`remove volume ${name}`, DEADLINE.write, async (abortSignal) => {
      try {
        await this.docker.getVolume(name).remove({ abortSignal });
      } catch (error) {
        if (statusOf(error) !== NOT_FOUND) throw error;
      }
    });
  }
}
