import { posix } from 'node:path';
import { JobFailure } from '../../../common/errors/job-failure.js';
import { safeMessageOf } from '../../../common/errors/error-report.js';
import { DriverError } from '../../driver-error.js';
import { imageCheckContainer } from '../container-specs.js';
import type { ArchivedFile, EngineClient, InspectedImage } from '../engine/engine-client.js';

const MIB = 1024 * 1024;
/** What Claude Code is linked with. */
const MIN_GLIBC = [2, 26] as const;
const MAX_LINKS = 8;
/** Where distributions have the loader and the C library, by the processor. */
const PLACES: Readonly<Record<string, { loader: string; folders: string[] }>> = {
  amd64: {
    loader: '/lib64/ld-linux-x86-64.so.2',
    folders: ['/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64', '/usr/lib'],
  },
  arm64: {
    loader: '/lib/ld-linux-aarch64.so.1',
    folders: ['/lib/aarch64-linux-gnu', '/lib64', '/usr/lib64', '/usr/lib'],
  },
};

/** What decides whether workspaces can be made of an image. */
export interface ImageFacts {
  /** Such as `linux/amd64`. */
  platform: string;
  /** Path of the loader of programs that are linked with glibc, links followed. */
  loader: string | null;
  /** Its C library is musl. */
  hasMusl: boolean;
  /** Such as `2.31`; null when it cannot be told. */
  glibc: string | null;
  hasShell: boolean;
}

/** What DevForge's programs are adapted to. */
export interface SourceFiles {
  passwd: string;
  group: string;
  hasBash: boolean;
  hasSshConfig: boolean;
}

/** Gets images that others have made, and finds out whether workspaces can be made of them. */
export class SourceImages {
  constructor(private readonly engine: EngineClient) {}

  /**
   * The image at the engine, pulled when it is not there.
   * @throws JobFailure `image_unavailable`
   */
  async find(reference: string, report: (line: string) => void, signal: AbortSignal): Promise<InspectedImage> {
    const present = await this.engine.images.inspect(reference);
    if (present !== null) return present;
    report(`Pulling ${reference}`);
    try {
      await this.engine.images.pull(reference, signal);
    } catch (error) {
      if (error instanceof DriverError && ['unavailable', 'aborted', 'out_of_disk'].includes(error.code)) throw error;
      throw unavailable(reference, error);
    }
    const pulled = await this.engine.images.inspect(reference);
    if (pulled === null) throw unavailable(reference, new Error('the engine does not have it after it was pulled'));
    return pulled;
  }

  /**
   * Reads what has to be known of an image, none of whose programs run.
   * @param platform of the engine
   * @throws JobFailure `image_unsuitable` with the reason
   */
  async examine(reference: string, image: InspectedImage, platform: string): Promise<SourceFiles> {
    // A container of another platform may be impossible to create.
    const foreign = reasonAgainst({ ...SUITABLE, platform: platformOf(image) }, platform);
    if (foreign !== null) throw unsuitable(reference, foreign);
    const { dockerId } = await this.engine.containers.create(imageCheckContainer(image.id));
    try {
      const files = new ImageFiles((path) => this.engine.containers.readFile(dockerId, path, 32 * MIB));
      const reason = reasonAgainst(await factsOf(files, image), platform);
      if (reason !== null) throw unsuitable(reference, reason);
      return {
        passwd: await files.text('/etc/passwd'),
        group: await files.text('/etc/group'),
        hasBash: (await files.find('/bin/bash')) !== null,
        hasSshConfig: (await files.find('/etc/ssh/ssh_config')) !== null,
      };
    } finally {
      await this.engine.containers.remove(dockerId);
    }
  }
}

const SUITABLE: Omit<ImageFacts, 'platform'> = { loader: '/', hasMusl: false, glibc: null, hasShell: true };

/** Why workspaces cannot be made of an image; null when they can. */
export function reasonAgainst(facts: ImageFacts, platform: string): string | null {
  if (facts.platform !== platform) return `it is for ${facts.platform}, and the engine runs ${platform}`;
  const wanted = `glibc ${MIN_GLIBC.join('.')} or newer, as in Debian, Ubuntu and Fedora`;
  if (facts.hasMusl) return `its C library is musl, as in Alpine; it has to be ${wanted}`;
  if (facts.loader === null) return `it has no C library; it has to be ${wanted}`;
  if (facts.glibc !== null && isOlder(facts.glibc))
    return `its C library is glibc ${facts.glibc}; it has to be ${wanted}`;
  return facts.hasShell ? null : 'it has no shell at /bin/sh';
}

export function platformOf({ os, architecture }: Pick<InspectedImage, 'os' | 'architecture'>): string {
  return `${os}/${architecture}`;
}

async function factsOf(files: ImageFiles, image: InspectedImage): Promise<ImageFacts> {
  const places = PLACES[image.architecture];
  const loader = places === undefined ? null : ((await files.find(places.loader))?.path ?? null);
  return {
    platform: platformOf(image),
    loader,
    // Alpine's gcompat has a link from glibc's loader to that of musl.
    hasMusl: loader === null ? await hasMuslLoader(files) : /musl|gcompat/.test(loader),
    glibc: await glibcOf(files, places?.folders ?? []),
    hasShell: (await files.find('/bin/sh')) !== null,
  };
}

async function hasMuslLoader(files: ImageFiles): Promise<boolean> {
  const found = await Promise.all(['x86_64', 'aarch64'].map((name) => files.find(`/lib/ld-musl-${name}.so.1`)));
  return found.some((file) => file !== null);
}

/** It is in the name of the library's file, or in its text. */
async function glibcOf(files: ImageFiles, folders: string[]): Promise<string | null> {
  for (const folder of folders) {
    const library = await files.find(`${folder}/libc.so.6`);
    if (library === null) continue;
    const named = /libc-(\d+\.\d+)\.so$/.exec(library.path) ?? /release version (\d+\.\d+)/.exec(library.content);
    return named?.[1] ?? null;
  }
  return null;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < MIN_GLIBC[0] || (major === MIN_GLIBC[0] && minor < MIN_GLIBC[1]);
}

/** The files of an image, with links followed. */
class ImageFiles {
  constructor(private readonly read: (path: string) => Promise<ArchivedFile | null>) {}

  /** @returns its real path and its content, as Latin-1; null when there is none, or no file */
  async find(path: string): Promise<{ path: string; content: string } | null> {
    let current = path;
    for (let links = 0; links < MAX_LINKS; links++) {
      const found = await this.read(current);
      if (found === null || found.kind === 'other') return null;
      if (found.kind === 'file') return { path: current, content: found.content.toString('latin1') };
      current = posix.resolve(posix.dirname(current), found.target ?? '');
    }
    return null;
  }

  async text(path: string): Promise<string> {
    return (await this.find(path))?.content ?? '';
  }
}

function unavailable(reference: string, cause: unknown): JobFailure {
  return new JobFailure(
    'image_unavailable',
    `The image ${reference} is not at the engine and cannot be pulled: check its name, and that the engine reaches its registry.`,
    { cause, output: [safeMessageOf(cause)] },
  );
}

function unsuitable(reference: string, reason: string): JobFailure {
  return new JobFailure('image_unsuitable', `A container cannot be made of the image ${reference}: ${reason}.`);
}
