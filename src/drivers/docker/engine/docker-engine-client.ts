import { Injectable } from '@nestjs/common';
import { Settings } from '../../../config/settings.js';
import { EngineClient } from './engine-client.js';
import { createDockerClient, createStreamingClient } from './docker-client.js';
import { DockerContainers } from './docker-containers.js';
import { DockerSystem } from './docker-system.js';
import { DockerImages } from './docker-images.js';
import { DockerNetworks } from './docker-networks.js';
import { DockerVolumes } from './docker-volumes.js';
import { EngineProfiles } from './profile/engine-profiles.js';

/** The engine client over dockerode. */
@Injectable()
export class DockerEngineClient extends EngineClient {
  readonly system: DockerSystem;
  readonly containers: DockerContainers;
  readonly images: DockerImages;
  readonly volumes: DockerVolumes;
  readonly networks: DockerNetworks;

  constructor(settings: Settings) {
    super();
    const docker = createDockerClient(settings.docker);
    const profiles = new EngineProfiles(docker);
    this.system = new DockerSystem(docker, profiles);
    this.containers = new DockerContainers(docker, createStreamingClient(settings.docker), profiles);
    this.images = new DockerImages(docker);
    this.volumes = new DockerVolumes(docker);
    this.networks = new DockerNetworks(docker);
  }
}
