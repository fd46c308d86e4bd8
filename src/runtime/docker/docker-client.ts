import Dockerode from 'dockerode';
import type { DockerEndpoint } from '../../config/settings.js';

/** A client for the endpoint. TLS material of a `tcp://` endpoint comes from `DOCKER_CERT_PATH`, which dockerode reads as Docker's own client does. */
export function createDockerClient(endpoint: DockerEndpoint): Dockerode {
  // dockerode reads DOCKER_HOST from the environment by itself, so only a socket is handed over.
  return endpoint.kind === 'socket' ? new Dockerode({ socketPath: endpoint.socketPath }) : new Dockerode();
}
