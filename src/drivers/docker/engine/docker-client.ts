import Dockerode from 'dockerode';
import type { Agent } from 'node:http';
import type { DockerEndpoint } from '../../../config/settings.js';
import { mergingAgent } from './merging-agent.js';

/** A client for the endpoint. TLS material of a `tcp://` endpoint comes from `DOCKER_CERT_PATH`, which dockerode reads as Docker's own client does. */
export function createDockerClient(endpoint: DockerEndpoint): Dockerode {
  // dockerode reads DOCKER_HOST from the environment by itself, so that only a socket is passed.
  return endpoint.kind === 'socket' ? new Dockerode({ socketPath: endpoint.socketPath }) : new Dockerode();
}

/** A client for long responses of many small chunks, such as logs. */
export function createStreamingClient(endpoint: DockerEndpoint): Dockerode {
  const docker = createDockerClient(endpoint);
  const modem = docker.modem as unknown as { protocol: string; agent?: Agent };
  // Over SSH dockerode has an agent of its own.
  if (modem.protocol === 'http' || modem.protocol === 'https') modem.agent = mergingAgent(modem.protocol);
  return docker;
}
