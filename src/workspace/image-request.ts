import type { ImageRequest } from '../drivers/workspace-driver.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';

/** What the image of a container is made of. */
export function imageRequestOf({ template, imageReference, packages }: ContainerRow): ImageRequest {
  return { template, packages, ...(imageReference === null ? {} : { image: imageReference }) };
}
