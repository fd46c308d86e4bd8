import { Injectable } from '@nestjs/common';
import { Settings } from '../../../config/settings.js';
import { ContainerEngine } from './container-engine.js';
import { createDockerClient, createStreamingClient } from './docker-client.js';
import { DockerContainers } from './docker-containers.js';
import { DockerEngine } from './docker-engine.js';
import { DockerImages } from './docker-images.js';
import { DockerNetworks } from './docker-networks.js';
import { DockerVolumes } from './docker-volumes.js';

/** The container runtime on a Docker Engine. */
@Injectable()
export class DockerodeEngine extends ContainerEngine {
  readonly engine: DockerEngine;
  readonly containers: DockerContainers;
  readonly images: DockerImages;
  readonly volumes: DockerVolumes;
  readonly networks: DockerNetworks;

  constructor(settings: Settings) {
    super();
    const docker = createDockerClient(settings.docker);
    this.engine = new DockerEngine(docker);
    this.containers = new DockerContainers(docker, createStreamingClient(settings.docker));
    this.images = new DockerImages(docker);
    this.volumes = new DockerVolumes(docker);
    this.networks = new DockerNetworks(docker);
  }
}
