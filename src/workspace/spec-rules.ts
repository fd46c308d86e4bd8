import { Injectable } from '@nestjs/common';
import { ImagePolicy } from './image-policy.js';
import { MachineLimits } from './machine-limits.js';

/** Decides whether this DevForge can give a container what a change asks for. */
@Injectable()
export class SpecRules {
  constructor(
    private readonly machine: MachineLimits,
    private readonly images: ImagePolicy,
  ) {}

  /** @throws DomainError `validation_failed`, `images_not_supported` */
  async require(
    projectId: string,
    wanted: Parameters<MachineLimits['require']>[0] & { image?: string },
  ): Promise<void> {
    await this.machine.require(wanted);
    await this.images.require(projectId, wanted.image);
  }
}
