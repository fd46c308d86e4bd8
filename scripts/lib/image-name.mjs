/** Parses image references, and finds the Debian suite of an image. */

/** Splits `registry:5000/name:tag@digest`; the tag is `latest` by default. */
export function parseImage(reference) {
  const [name, digest] = reference.split('@');
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  return { repository: hasTag ? name.slice(0, colon) : name, tag: hasTag ? name.slice(colon + 1) : 'latest', digest };
}

const RELEASES = { 11: 'bullseye', 12: 'bookworm', 13: 'trixie', 14: 'forky', latest: 'stable' };
const SUITES = new Set([
  'bullseye',
  'bookworm',
  'trixie',
  'forky',
  'sid',
  'stable',
  'oldstable',
  'testing',
  'unstable',
]);

/** @returns {string | undefined} the Debian suite of an image such as `debian:bookworm-slim`, when its name says so */
export function debianSuite(reference) {
  const { repository, tag, digest } = parseImage(reference);
  const name = repository.split('/').at(-1) ?? '';
  if (digest || !/^debian\b/.test(name)) return undefined;
  const word = tag.split('-')[0];
  const suite = RELEASES[word.split('.')[0]] ?? word;
  return SUITES.has(suite) ? suite : undefined;
}

/** Docker's name of an architecture, from Node's. */
export const dockerArch = (arch) => ({ x64: 'amd64', ia32: '386' })[arch] ?? arch;
