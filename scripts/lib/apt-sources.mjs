/** The Debian mirror that this machine uses, read from apt's configuration, so that debootstrap uses the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sorted } from './arrays.mjs';

/** @typedef {{ uri: string, suites: string[], components: string[] }} Source */

/** One-line style: `deb [options] uri suite components…`. @returns {Source[]} */
export function parseSourcesList(text) {
  return text
    .split('\n')
    .map((line) => /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line))
    .filter(Boolean)
    .map((match) => ({ uri: match[1], suites: [match[2]], components: match[3].trim().split(/\s+/).filter(Boolean) }));
}

/** deb822 style: paragraphs of `Field: values`. @returns {Source[]} */
export function parseDeb822(text) {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .join('\n')
    .split(/\n\s*\n/)
    .map(paragraphFields)
    .filter((fields) => words(fields.types).includes('deb') && fields.enabled !== 'no')
    .flatMap((fields) =>
      words(fields.uris).map((uri) => ({ uri, suites: words(fields.suites), components: words(fields.components) })),
    );
}

const words = (text = '') => text.split(/\s+/).filter(Boolean);

function paragraphFields(paragraph) {
  const joined = paragraph.replace(/\n[ \t]+/g, ' ');
  return Object.fromEntries(
    joined
      .split('\n')
      .map((line) => /^([A-Za-z-]+):\s*(.*)$/.exec(line))
      .filter(Boolean)
      .map((match) => [match[1].toLowerCase(), match[2].trim()]),
  );
}

/** @returns {Source[]} */
export function hostSources(dir = '/etc/apt') {
  const parts = join(dir, 'sources.list.d');
  const files = [
    join(dir, 'sources.list'),
    ...(existsSync(parts) ? sorted(readdirSync(parts)).map((name) => join(parts, name)) : []),
  ];
  return files
    .filter((path) => existsSync(path))
    .flatMap((path) => {
      const text = readFileSync(path, 'utf8');
      return path.endsWith('.sources') ? parseDeb822(text) : path.endsWith('.list') ? parseSourcesList(text) : [];
    });
}

/**
 * The mirror of a Debian suite, and the lines for its updates and security fixes.
 * `mirror` is undefined when this machine has no such source: debootstrap then uses its default.
 * @param {Source[]} sources
 */
export function mirrorFor(suite, sources) {
  const usable = sources.filter(({ uri, components }) => /^https?:/.test(uri) && components.includes('main'));
  const main = usable.find(({ suites }) => suites.includes(suite));
  const extra = usable.flatMap(({ uri, suites }) =>
    suites
      .filter((name) => name === `${suite}-updates` || name === `${suite}-security`)
      .map((name) => `deb ${uri} ${name} main`),
  );
  return { mirror: main?.uri, lines: main ? [`deb ${main.uri} ${suite} main`, ...new Set(extra)] : [] };
}
