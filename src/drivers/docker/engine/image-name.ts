/** What Docker means by a reference without a registry, and Podman writes out. */
const DEFAULT_REGISTRY = 'docker.io/';
/** Podman's name for the registry of images that were built or loaded without one. */
const LOCAL = 'localhost/';

/** The reference as Docker shows it: without the registry that it means anyway. */
export function familiarName(reference: string): string {
  if (reference.startsWith(LOCAL)) return reference.slice(LOCAL.length);
  if (!reference.startsWith(DEFAULT_REGISTRY)) return reference;
  const name = reference.slice(DEFAULT_REGISTRY.length);
  return name.startsWith('library/') ? name.slice('library/'.length) : name;
}
