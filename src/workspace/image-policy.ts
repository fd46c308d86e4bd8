import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { matchesImagePattern, wholeImageName } from '../common/image-reference.js';
import { Settings } from '../config/settings.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { validationFailed } from '../http/validation/validation.js';
import { ProjectsRepository } from '../persistence/auth/projects.repository.js';

/** DevForge's own images, which may have what somebody else's containers have. */
const OWN = 'docker.io/devforge/*';

/** Decides which images containers may be made of. */
@Injectable()
export class ImagePolicy {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly projects: ProjectsRepository,
    private readonly settings: Settings,
  ) {}

  /**
   * @param image undefined for that of the template
   * @param projectId of the container
   * @throws DomainError `images_not_supported`, `validation_failed` at the field `image`
   */
  async require(projectId: string, image: string | undefined): Promise<void> {
    if (image === undefined) return;
    if (!this.driver.capabilities.customImages)
      throw new DomainError('images_not_supported', 'This engine cannot make containers of other images.');
    const isAmong = (patterns: readonly string[]): boolean =>
      patterns.some((pattern) => matchesImagePattern(image, pattern));
    const refuse = (why: string): never => {
      const message = `must be an image that is allowed, which ${wholeImageName(image)} is not (${why})`;
      throw validationFailed([{ field: 'image', messages: [message] }]);
    };
    if (!isAmong(this.settings.allowedImages) || isAmong([OWN])) refuse('ALLOWED_IMAGES of the server');
    const project = await this.projects.findById(projectId, [projectId]);
    if (project?.allowedImages != null && !isAmong(project.allowedImages)) refuse('allowedImages of the project');
  }
}
