/** In characters, without what a registry could not have anyway. */
export const MAX_IMAGE_REFERENCE = 512;

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REGISTRY = '(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[0-9]{1,5})?';
const REFERENCE = new RegExp(
  `^(?:(?<registry>${REGISTRY})/)?(?<path>${COMPONENT}(?:/${COMPONENT})*)(?<tag>:[\\w][\\w.-]{0,127})?(?<digest>@sha256:[0-9a-f]{64})?$`,
);
/** A name of an image in which `*` stands for any characters. */
export const IMAGE_PATTERN = /^[a-z\d*][\w.:/@*-]{0,511}$/;
const DOCKER_HUB = 'docker.io';

export function isImageReference(text: string): boolean {
  return text.length <= MAX_IMAGE_REFERENCE && REFERENCE.test(text);
}

/**
 * The whole name of an image, with its registry and its tag: `docker.io/library/debian:latest` for `debian`.
 * @param reference for which {@link isImageReference} is true
 */
export function wholeImageName(reference: string): string {
  const at = reference.indexOf('@');
  const name = at < 0 ? reference : reference.slice(0, at);
  const digest = at < 0 ? '' : reference.slice(at);
  const [first = '', ...others] = name.split('/');
  // As Docker reads it: what could be a host name is one.
  const hasRegistry = others.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = hasRegistry ? first : DOCKER_HUB;
  const path = hasRegistry ? others.join('/') : name;
  const inRegistry = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  const hasTag = inRegistry.slice(inRegistry.lastIndexOf('/')).includes(':');
  return `${registry}/${inRegistry}${hasTag || digest !== '' ? '' : ':latest'}${digest}`;
}

/**
 * Whether the whole name of an image matches a pattern, in which `*` stands for any characters. A pattern without a tag is
 * about all of them.
 */
export function matchesImagePattern(reference: string, pattern: string): boolean {
  const expression = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${expression}(?:[:@].*)?$`).test(wholeImageName(reference));
}
