import { beforeEach, describe, expect, it } from '@jest/globals';
import { projectRow } from '../../test/support/rows.js';
import type { Settings } from '../config/settings.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import type { ProjectsRepository } from '../persistence/auth/projects.repository.js';
import { ImagePolicy } from './image-policy.js';

describe('ImagePolicy', () => {
  let driver: FakeWorkspaceDriver;
  let ofProject: string[] | null;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    ofProject = null;
  });

  const projects = { findById: async () => projectRow({ allowedImages: ofProject }) };
  const ask = (image: string | undefined, ...allowedImages: string[]): Promise<void> =>
    new ImagePolicy(
      driver,
      projects as unknown as ProjectsRepository,
      { allowedImages } as unknown as Settings,
    ).require('project', image);
  const refused = (why: string) => ({
    code: 'validation_failed',
    fields: [{ field: 'image', messages: [expect.stringContaining(why)] }],
  });

  it('takes what matches a pattern, and the image of the template', async () => {
    await expect(ask('debian:12', 'docker.io/library/*')).resolves.toBeUndefined();
    await expect(ask(undefined)).resolves.toBeUndefined();
  });

  it.each([
    ['registry.example.org/image', ['docker.io/library/*']],
    ['debian', []],
    ['devforge/image-claude:0123456789abcdef', ['*']],
  ])('refuses %s at its field where %j are allowed', async (image, allowed) => {
    await expect(ask(image, ...allowed)).rejects.toMatchObject(refused('ALLOWED_IMAGES'));
  });

  it('takes of what the server allows no more than the project does', async () => {
    ofProject = ['docker.io/library/debian', 'registry.example.org/*'];
    await expect(ask('debian:12', 'docker.io/library/*')).resolves.toBeUndefined();
    await expect(ask('ubuntu:24.04', 'docker.io/library/*')).rejects.toMatchObject(refused('allowedImages'));
    await expect(ask('registry.example.org/a', 'docker.io/library/*')).rejects.toMatchObject(refused('ALLOWED_IMAGES'));
  });

  it('refuses every image at an engine that cannot build them', async () => {
    driver.capabilities = { ...driver.capabilities, customImages: false };
    await expect(ask('debian', '*')).rejects.toMatchObject({ code: 'images_not_supported' });
  });
});
