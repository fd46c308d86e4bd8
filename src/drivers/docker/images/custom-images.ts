import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { Template } from '../../../persistence/types.js';
import { DriverError } from '../../driver-error.js';
import type { ImageRequest } from '../../workspace-driver.js';
import type { EngineClient } from '../engine/engine-client.js';
import { LABEL_PROGRAMS_OF } from '../labels.js';
import type { ProgressListener } from './image-builds.js';
import { JobFailure } from '../../../common/errors/job-failure.js';
import { PACKAGE_LAYOUT, PACKAGE_LIMITS, packageFailure, packageLayerContext } from './package-layer.js';
import { laidImageContext, LAYOUT } from './laid-image.js';
import { platformOf, SourceImages } from './source-image.js';
import { taggedByHash, type WorkspaceImages } from './workspace-images.js';

const FOLDER = new URL('../../../../images/tools/', import.meta.url);
const FILES = ['Dockerfile', 'relocate'];
/** Folders that are copied as they are. */
const PACKAGES = '/usr/local/lib/node_modules';
const COPIED: Readonly<Record<Template, string[]>> = {
  claude: [`${PACKAGES}/@anthropic-ai`],
  vscode: [`${PACKAGES}/code-server`],
  both: [`${PACKAGES}/@anthropic-ai`, `${PACKAGES}/code-server`],
};

/**
 * Makes workspace images of images that others have made, by laying the programs of a template's image over them. Of the same
 * image and the same programs there is one, which is found by a hash of both.
 */
export class CustomImages {
  private readonly sources: SourceImages;

  constructor(
    private readonly engine: EngineClient,
    private readonly images: WorkspaceImages,
  ) {
    this.sources = new SourceImages(engine);
  }

  /**
   * The workspace image that was asked for; it is built when the engine does not have it.
   * @throws JobFailure `image_unavailable`, `image_unsuitable`, `packages_not_installed`, and those of {@link WorkspaceImages.ensure}
   */
  async ensure(
    { template, image, packages = [] }: ImageRequest,
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<string> {
    const programs = await this.images.ensure(template, onProgress, signal);
    const base =
      image === undefined ? programs : await this.laidOver(image, { template, programs }, onProgress, signal);
    return packages.length === 0 ? base : this.withPackages(base, { template, packages }, onProgress, signal);
  }

  private async withPackages(
    base: string,
    { template, packages }: Required<Pick<ImageRequest, 'template' | 'packages'>>,
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<string> {
    const names = [...new Set(packages)].toSorted();
    const reference = taggedByHash(`packages-${template}`, [PACKAGE_LAYOUT, base, ...names]);
    const recipe = {
      plan: async () => ({ context: packageLayerContext(base, names), limits: PACKAGE_LIMITS }),
      endsWithCallers: true,
    };
    try {
      await this.images.builds.ensure(reference, recipe, onProgress, signal);
    } catch (error) {
      if (error instanceof JobFailure && error.code === 'image_build_failed') throw packageFailure(names, error);
      throw error;
    }
    return reference;
  }

  private async laidOver(
    reference: string,
    { template, programs }: { template: Template; programs: string },
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<string> {
    const report = (line: string): void => onProgress({ percent: 0, line });
    const source = await this.sources.find(reference, report, signal);
    const tools = await this.tools(template, programs, onProgress, signal);
    const laid = taggedByHash(`image-${template}`, [LAYOUT, tools, source.id]);
    const recipe = {
      plan: async () => {
        report(`Laying DevForge's programs over ${reference}`);
        const own = await this.engine.images.inspect(programs);
        if (own === null) throw new DriverError('not_found', `inspect image ${programs}: no such image`);
        const files = await this.sources.examine(reference, source, platformOf(own));
        return { context: laidImageContext({ source, files, tools }), labels: { [LABEL_PROGRAMS_OF]: programs } };
      },
      endsWithCallers: true,
    };
    await this.images.builds.ensure(laid, recipe, onProgress, signal);
    return laid;
  }

  /** The image whose files are laid over others. */
  private async tools(
    template: Template,
    programs: string,
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<string> {
    const files = await Promise.all(FILES.map((name) => readFile(new URL(name, FOLDER))));
    const digest = createHash('sha256');
    for (const content of files) digest.update(`${content.length}\0`).update(content);
    const reference = taggedByHash(`tools-${template}`, [programs, digest.digest('hex')]);
    const recipe = {
      plan: async () => ({ context: toolsContext(files, template), buildArgs: { WORKSPACE_IMAGE: programs } }),
    };
    await this.images.builds.ensure(reference, recipe, onProgress, signal);
    return reference;
  }
}

function toolsContext([dockerfile, relocate]: Buffer[], template: Template): Readable {
  const copies = COPIED[template].map((folder) => `COPY --from=workspace ${folder} ${folder}\n`);
  const tar = pack();
  const add = (name: string, content: string): void =>
    void tar.entry({ name, mode: 0o644, mtime: new Date(0) }, content);
  add('Dockerfile', `${dockerfile}${copies.join('')}`);
  add('relocate', String(relocate));
  tar.finalize();
  return tar as unknown as Readable;
}
