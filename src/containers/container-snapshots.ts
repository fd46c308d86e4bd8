import { Injectable } from '@nestjs/common';
import { ContainersRepository } from '../persistence/containers/containers.repository.js';
import { EVERYTHING } from '../persistence/everything.js';
import { ContainerView } from './container-view.js';
import type { ContainerDto } from './dto/container.dto.js';

export interface ContainerSnapshot {
  /** A caller that may not read this project must not get the container. */
  projectId: string;
  container: ContainerDto;
}

/** Containers as they are pushed to those who may see them, when they change. */
@Injectable()
export class ContainerSnapshots {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly view: ContainerView,
  ) {}

  /** @returns null when there is no such container */
  async of(id: string): Promise<ContainerSnapshot | null> {
    const row = await this.containers.findById(id, EVERYTHING);
    return row === null ? null : { projectId: row.projectId, container: await this.view.one(row) };
  }
}
