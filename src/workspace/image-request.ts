import type { ImageRequest } from '../drivers/workspace-driver.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';

/** The package of every distribution that is named so. */
const GIT_LFS = 'git-lfs';

/** What the image of a container is made of. */
export function imageRequestOf({ template, imageReference, packages: wanted, lfs }: ContainerRow): ImageRequest {
  const packages = lfs && !wanted.includes(GIT_LFS) ? [...wanted, GIT_LFS] : wanted;
  return { template, packages, ...(imageReference === null ? {} : { image: imageReference }) };
}
